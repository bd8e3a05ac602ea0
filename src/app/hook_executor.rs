//! `hook-executor`: runs hooks and transformations for a controller in the same pod.

use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::{parts, signals};
use crate::address::AddressSettings;
use crate::config::HookExecutorSettings;
use crate::hooks::egress::Egress;
use crate::hooks::whitelist::{Finder, User};
use crate::hooks::{Embedded, Remote, RemoteSettings, Rules};
use crate::sandbox::Sandbox;
use crate::sidecar;

/// Where Kubernetes says its API server is (<https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>).
const API_SERVER: &str = "KUBERNETES_SERVICE_HOST";

/// How long its name may take.
const LOOKUP: Duration = Duration::from_secs(10);

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
    let egress =
        egress(settings.addresses, std::env::var(API_SERVER).unwrap_or_default(), settings.engine.max_timeout).await?;
    let engine = Embedded::new(Arc::clone(&rules), sandbox, settings.engine, egress.as_ref().map(Egress::address));
    let listening = sidecar::listen(&settings.endpoint).context("HOOK_EXECUTOR_ENDPOINT")?;

    let chores = CancellationToken::new();
    let mut chores_end = vec![tokio::spawn(rules.follow(chores.clone()))];
    chores_end.extend(egress.map(|egress| tokio::spawn(egress.serve(chores.clone()))));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), endpoint = %settings.endpoint, confined_by, "started");
    sidecar::serve(listening, engine, shutdown, settings.process.shutdown_grace).await;
    chores.cancel();
    futures::future::join_all(chores_end).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The way out for commands. There is none while it is not known where the API server is, which none of them may reach.
async fn egress(
    mut addresses: AddressSettings,
    api_server: String,
    max_timeout: Duration,
) -> anyhow::Result<Option<Egress>> {
    match resolve(&api_server).await {
        Ok(found) => addresses.api_server = found,
        Err(error) => {
            tracing::error!(
                %error,
                "{API_SERVER} names {api_server:?}, which cannot be resolved: commands have no network until the next start"
            );
            return Ok(None);
        }
    }
    let egress = Egress::bind(&addresses, max_timeout).await;
    egress.context("cannot listen for commands that may use the network").map(Some)
}

/// The addresses of a host; none when nobody names one. Some providers put a name where others have an address.
async fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    if host.is_empty() {
        return Ok(Vec::new());
    }
    let found = tokio::time::timeout(LOOKUP, tokio::net::lookup_host((host, 443))).await??;
    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_api_server_is_an_address_a_name_or_nowhere() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(resolve("10.96.0.1").await.unwrap(), addresses(&["10.96.0.1"]));
        assert_eq!(resolve("fd00::1").await.unwrap(), addresses(&["fd00::1"]));
        assert_eq!(resolve("").await.unwrap(), addresses(&[]));
        let local = resolve("localhost").await.unwrap();
        assert!(!local.is_empty() && local.iter().all(IpAddr::is_loopback), "{local:?}");
    }

    #[tokio::test]
    async fn without_knowing_where_the_api_server_is_nobody_gets_out() {
        for (host, is_known) in [("no such host.invalid", false), ("localhost", true), ("", true)] {
            let egress = egress(AddressSettings::default(), host.to_owned(), Duration::from_secs(60)).await.unwrap();
            assert_eq!(egress.is_some(), is_known, "{host:?}");
        }
    }
}
