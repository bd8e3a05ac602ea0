//! `hook-executor`: runs hooks and transformations for a controller in the same pod.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::{parts, signals};
use crate::config::HookExecutorSettings;
use crate::hooks::egress::Egress;
use crate::hooks::whitelist::{Finder, User};
use crate::hooks::{Embedded, Remote, RemoteSettings, Rules};
use crate::sandbox::Sandbox;
use crate::sidecar;

/// Where Kubernetes says its API server is (<https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>).
const API_SERVER: &str = "KUBERNETES_SERVICE_HOST";

/// Serves until a signal ends it.
pub async fn hook_executor(settings: HookExecutorSettings) -> anyhow::Result<ExitCode> {
    if settings.check {
        return check(settings).await;
    }
    let _logs = parts::logs(&settings.process.log)?;
    let shutdown = signals::shutdown()?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    refuse_root()?;
    let sandbox = Sandbox::new(settings.sandbox).context("HOOK_SANDBOX, HOOK_WORK_DIR")?;
    // A pod that starts and then fails each command would be found out by whoever wrote the command.
    sandbox.check().await.context("HOOK_SANDBOX, HOOK_WORK_DIR")?;
    let confined_by = sandbox.describe();
    let rules = Arc::new(Rules::open(settings.whitelist, Finder::new(User::of_process(false))));
    let mut addresses = settings.addresses;
    addresses.api_server = std::env::var(API_SERVER).ok().and_then(|host| host.parse().ok()).into_iter().collect();
    let egress = Egress::bind(&addresses, settings.engine.max_timeout)
        .await
        .context("cannot listen for commands that may use the network")?;
    let engine = Embedded::new(Arc::clone(&rules), sandbox, settings.engine, Some(egress.address()));
    let listening = sidecar::listen(&settings.endpoint).context("HOOK_EXECUTOR_ENDPOINT")?;

    let chores = CancellationToken::new();
    let chores_end = [tokio::spawn(egress.serve(chores.clone())), tokio::spawn(rules.follow(chores.clone()))];
    tracing::info!(version = env!("CARGO_PKG_VERSION"), endpoint = %settings.endpoint, confined_by, "started");
    sidecar::serve(listening, engine, shutdown, settings.process.shutdown_grace).await;
    chores.cancel();
    futures::future::join_all(chores_end).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Root can do what no sandbox takes away: read every file of the container, and undo its own limits.
fn refuse_root() -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        bail!(
            "the hook executor runs other people's commands and refuses to run as root: set \
             securityContext.runAsNonRoot and a runAsUser of its own, such as 65532"
        );
    }
    Ok(())
}

/// The exec probe.
async fn check(settings: HookExecutorSettings) -> anyhow::Result<ExitCode> {
    let remote = Remote::new(RemoteSettings {
        endpoint: settings.endpoint,
        default_timeout: Duration::ZERO,
        transform_timeout: Duration::ZERO,
        max_concurrent: 1,
        max_output: 0,
    });
    match remote.report().await {
        Ok(health) => {
            // A whitelist that is wrong is no reason to restart anything: the old rules are in force.
            println!("{}", health.whitelist.unwrap_or(health.status));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => bail!("{error}"),
    }
}
