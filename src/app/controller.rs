//! `controller`: the objects of a cluster.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::leadership::{self, Follower};
use super::stored::{self, Stored};
use super::{executor, owner, parts, servers, signals};
use crate::activity::Activities;
use crate::actors::artifact_server::ArtifactServerArgs;
use crate::actors::context::Context;
use crate::actors::system::{System, SystemArgs, SystemHandle};
use crate::catalog::Catalog;
use crate::cluster::{ClusterCatalog, Connection, CrdError};
use crate::config::{ControllerSettings, OperationsSettings, StorageBackend};
use crate::http::artifacts::{ArtifactSettings, Artifacts};
use crate::http::health::{self, Health};
use crate::telemetry::metrics;

/// How long the API server is given to become reachable between two checks of what it serves.
const CHECK_PERIOD: Duration = Duration::from_secs(10);

/// How long giving back the lease may take: one request, to an API server that may be away.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the controller until a signal ends it.
pub async fn controller(settings: ControllerSettings) -> anyhow::Result<ExitCode> {
    let _logs = parts::logs(&settings.process.log)?;
    let shutdown = signals::shutdown()?;
    let settings = with_config_map(settings).await?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let connection = ClusterCatalog::connect(settings.cluster.clone()).await?;
    Box::pin(run(settings, connection, shutdown)).await
}

async fn with_config_map(settings: ControllerSettings) -> anyhow::Result<ControllerSettings> {
    let Some(name) = settings.config_map.clone() else { return Ok(settings) };
    let connection = ClusterCatalog::connect(settings.cluster.clone()).await?;
    let data =
        connection.catalog.config_map(&name).await.with_context(|| format!("ConfigMap {name} cannot be read"))?;
    if data.is_none() {
        tracing::warn!(config_map = %name, "the ConfigMap does not exist; going on without it");
    }
    Ok(settings.with_config_map(&data.unwrap_or_default())?)
}

async fn run(
    mut settings: ControllerSettings,
    connection: Connection,
    shutdown: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let Connection { catalog, leadership, lease } = connection;
    let grace = settings.process.shutdown_grace;
    settings.run.http.addresses.api_server = catalog.api_server_addresses();
    // Before anything counts something.
    let recorder = settings.operations.metrics.map(|_| metrics::install()).transpose()?;
    let volatile = matches!(settings.storage.backend, StorageBackend::Memory { .. });
    if !volatile && settings.storage.owner.cluster.is_none() {
        settings.storage.owner.cluster = owner::cluster(&catalog).await;
    }
    let stored = Stored::open(&settings.storage, &settings.run.spool).await?;
    if volatile {
        tracing::warn!("{}", leadership::VOLATILE);
    }
    let catalog = Arc::new(catalog);
    let executors = executor::executor(&settings.run, shutdown.clone()).await?;
    let context = parts::context(&settings.run, Arc::clone(&catalog) as Arc<dyn Catalog>, &stored, executors.executor);
    let activities = Arc::clone(&context.activities);
    let probe = executors.remote.map(|remote| executor::probe(remote, Arc::clone(&context.outages)));
    let (mut system, health) = start(&settings, context, &stored, probe.clone()).await?;

    let serving = CancellationToken::new();
    let servers = operations(&settings.operations, recorder, &health, &activities, probe, &serving)?;
    let releasing = CancellationToken::new();
    let mut lease = tokio::spawn(lease.run(releasing.clone()));
    let follower = Follower {
        system: system.handle(),
        storage: Arc::clone(&stored.storage),
        health: Arc::clone(&health),
        untold: volatile.then(|| (Arc::clone(&catalog), settings.pod)),
    };
    let follow = follower.follow(leadership);
    let chores = [tokio::spawn(follow), tokio::spawn(check_crds(catalog))];
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");

    let crashed = tokio::select! {
        () = shutdown.cancelled() => None,
        () = system.ended() => Some("an actor could not be kept alive"),
        _ = &mut lease => Some("the leader election crashed"),
    };
    health.set_shutting_down();
    chores.iter().for_each(tokio::task::JoinHandle::abort);
    let deadline = Instant::now() + grace;
    if crashed.is_none() {
        system.stop_work(deadline).await;
    }
    leadership::give_up(stored.storage.as_ref()).await;
    // Only now: the last write may still need the lease. Before the downloads: the next leader need not wait for them.
    releasing.cancel();
    if !lease.is_finished() {
        let _ = tokio::time::timeout(RELEASE_TIMEOUT, lease).await;
    }
    if let Some(what) = crashed {
        bail!("{what}");
    }
    system.stop_serving(deadline).await;
    serving.cancel();
    futures::future::join_all(servers).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The actors, and the health that asks them.
async fn start(
    settings: &ControllerSettings,
    context: Arc<Context>,
    stored: &Stored,
    probe: Option<executor::Probe>,
) -> anyhow::Result<(System, Arc<Health>)> {
    let artifact_server = artifact_server(settings, stored)?;
    // The probe asks the actors, which exist only after what tells the probe about them.
    let live = Arc::new(OnceLock::new());
    let health = Health::new(is_alive(&live), Arc::clone(&context.outages)).with_details(probe.map(executor::details));
    let health = Arc::new(health);
    let on_synced = {
        let health = Arc::clone(&health);
        Arc::new(move || health.set_synced())
    };
    let system = System::start(SystemArgs { context, artifact_server, on_synced }).await?;
    let _ = live.set(system.handle());
    health.set_serving(true);
    let (storage, reached) = (Arc::clone(&stored.storage), Arc::clone(&health));
    tokio::spawn(async move {
        stored::reach(storage).await;
        reached.set_storage_reached();
    });
    Ok((system, health))
}

fn is_alive(live: &Arc<OnceLock<SystemHandle>>) -> health::LiveCheck {
    let live = Arc::clone(live);
    Arc::new(move || {
        let system = live.get().cloned();
        Box::pin(async move {
            match system {
                Some(system) => system.is_alive().await,
                None => true,
            }
        })
    })
}

fn artifact_server(settings: &ControllerSettings, stored: &Stored) -> anyhow::Result<Option<ArtifactServerArgs>> {
    let Some(listen) = &settings.artifacts.listen else { return Ok(None) };
    let listener = servers::bind("ARTIFACT_SERVER_PORT", listen)?;
    let artifacts = Artifacts::new(
        Arc::clone(&stored.storage),
        Arc::clone(&stored.presence),
        ArtifactSettings { latest: settings.artifacts.latest },
    );
    Ok(Some(ArtifactServerArgs {
        listener: Arc::new(listener),
        artifacts,
        settings: settings.artifacts.bounds.clone(),
        grace: settings.process.shutdown_grace,
    }))
}

/// Health and metrics.
fn operations(
    settings: &OperationsSettings,
    recorder: Option<PrometheusHandle>,
    health: &Arc<Health>,
    activities: &Arc<Activities>,
    probe: Option<executor::Probe>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Vec<tokio::task::JoinHandle<()>>> {
    let mut servers = Vec::new();
    if let Some(listen) = &settings.health {
        let listener = servers::bind("HEALTH_ADDR", listen)?;
        servers.push(servers::serve(listener, health::router(Arc::clone(health)), shutdown.clone())?);
    }
    if let (Some(listen), Some(handle)) = (&settings.metrics, recorder) {
        let listener = servers::bind("METRICS_ADDR", listen)?;
        servers.push(tokio::spawn(metrics::upkeep(handle.clone(), settings.upkeep_period, shutdown.clone())));
        let router = metrics::router(handle, Arc::clone(activities), probe.map(executor::ask));
        servers.push(servers::serve(listener, router, shutdown.clone())?);
    }
    Ok(servers)
}

/// Says what is missing in the cluster, until nothing is.
async fn check_crds(catalog: Arc<ClusterCatalog>) {
    let mut said = None;
    while let Err(error) = catalog.check_crds().await {
        let text = error.to_string();
        if said.as_ref() != Some(&text) {
            if matches!(error, CrdError::Unknown(_)) {
                tracing::warn!("{text}");
            } else {
                tracing::error!("{text}");
            }
            said = Some(text);
        }
        tokio::time::sleep(CHECK_PERIOD).await;
    }
}
