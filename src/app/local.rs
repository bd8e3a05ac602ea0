//! `local`: the objects of a folder, without a cluster.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stored::Stored;
use super::{executor, parts, signals};
use crate::activity::{Activities, State};
use crate::actors::artifact_server::ArtifactServerArgs;
use crate::actors::system::{System, SystemArgs};
use crate::config::LocalSettings;
use crate::http::artifacts::{ArtifactSettings, Artifacts};
use crate::local::{self, LocalCatalog, Output};

/// Runs until a signal ends it, or until everything ran once.
pub async fn local(mut settings: LocalSettings) -> anyhow::Result<ExitCode> {
    if local::hides_stderr(settings.plain) {
        // What the log would say stands in the table, which its lines would tear. Send stderr elsewhere to have both.
        "off".clone_into(&mut settings.process.log.filter);
    }
    let _logs = parts::logs(&settings.process.log)?;
    let shutdown = signals::shutdown()?;
    if let Some((folder, address)) = &settings.origin {
        serve_origin(folder, *address, shutdown.clone()).await?;
    }
    let catalog = Arc::new(LocalCatalog::open(&settings.folder)?);
    let listener =
        TcpListener::bind(settings.addr).with_context(|| format!("--addr {} cannot be listened on", settings.addr))?;
    settings.storage.base_url = format!("http://{}", listener.local_addr()?);
    let stored = Stored::open(&settings.storage, &settings.run.spool).await?;
    let executor = executor::executor(&settings.run, shutdown.clone()).await?.executor;
    let context = parts::context(&settings.run, Arc::clone(&catalog) as Arc<_>, &stored, executor);
    let activities = Arc::clone(&context.activities);
    let artifacts = Artifacts::new(stored.storage, stored.presence, ArtifactSettings { latest: true });
    let grace = settings.process.shutdown_grace;
    let artifact_server =
        ArtifactServerArgs { listener: Arc::new(listener), artifacts, settings: settings.server.clone(), grace };
    let synced = Arc::new(Notify::new());
    let on_synced = {
        let synced = Arc::clone(&synced);
        Arc::new(move || synced.notify_one())
    };
    let args = SystemArgs { context, artifact_server: Some(artifact_server), on_synced };
    let mut system = System::start(args).await?;
    system.handle().lead(true);

    let view_ends = CancellationToken::new();
    let output = Output::detect(settings.plain, catalog.problems());
    let view = tokio::spawn(local::show(Arc::clone(&activities), output, view_ends.clone()));
    let crashed = tokio::select! {
        () = shutdown.cancelled() => false,
        () = system.ended() => true,
        () = all_ran(&activities, &synced), if settings.once => false,
    };
    let is_empty = activities.all().is_empty();
    let all_ready = is_all_ready(&activities) && catalog.problems().borrow().is_empty();
    view_ends.cancel();
    let _ = view.await;
    if crashed {
        bail!("an actor could not be kept alive");
    }
    let deadline = Instant::now() + grace;
    system.stop_work(deadline).await;
    system.stop_serving(deadline).await;
    if settings.once && is_empty && !shutdown.is_cancelled() {
        bail!("{}: there is no ExternalSource in it", settings.folder.display());
    }
    let success = !settings.once || all_ready;
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn serve_origin(folder: &Path, address: SocketAddr, stop: CancellationToken) -> anyhow::Result<()> {
    let router = local::origin::router(folder).with_context(|| format!("--origin {}", folder.display()))?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("--origin-addr {address} cannot be listened on"))?;
    tokio::spawn(local::origin::serve(listener, router, stop));
    Ok(())
}

/// Waits until every source of the folder has ended its first run.
async fn all_ran(activities: &Activities, synced: &Notify) {
    synced.notified().await;
    let mut changes = activities.changes();
    loop {
        let ended = |state| matches!(state, State::Ready | State::Failing | State::Stalled | State::Suspended);
        if activities.all().iter().all(|(_, activity)| ended(activity.state)) {
            return;
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// A folder without a source is no success: nobody asks for that.
fn is_all_ready(activities: &Activities) -> bool {
    let all = activities.all();
    !all.is_empty() && all.iter().all(|(_, activity)| activity.state == State::Ready)
}
