//! Who runs hooks, transformations and assertions: the sidecar, or this process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::address::AddressSettings;
use crate::config::{EmbeddedSettings, ExecutorSettings, RunSettings};
use crate::hooks::egress::Egress;
use crate::hooks::whitelist::{Finder, User};
use crate::hooks::{Command, Embedded, Executor, ExecutorError, Nobody, Remote, Rules};
use crate::http::health::Details;
use crate::sandbox::Sandbox;
use crate::spool::{Spool, Spools};
use crate::telemetry::metrics;
use crate::telemetry::outages::{Dependency, Outages};
use crate::transform::Program;

/// How long the sidecar may take to say how it is. A kubelet waits a second for all that stands in the readiness text.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
const _: () = assert!(ANSWER_TIMEOUT.as_millis() < 1000, "a kubelet would have given up");

/// What is asked when somebody wants to know how the sidecar is; gives what is odd about it.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// Who runs them.
pub struct Executors {
    /// To be asked.
    pub executor: Arc<dyn Executor>,
    /// The same, when it is the sidecar.
    pub remote: Option<Arc<Remote>>,
}

/// Sets it up; what it does besides ends with `shutdown`.
pub async fn executor(run: &RunSettings, shutdown: CancellationToken) -> anyhow::Result<Executors> {
    let executor: Arc<dyn Executor> = match &run.executor {
        ExecutorSettings::Sidecar(settings) => {
            let remote = Arc::new(Remote::new(settings.clone()));
            return Ok(Executors { executor: Arc::clone(&remote) as Arc<_>, remote: Some(remote) });
        }
        ExecutorSettings::Embedded(settings) => embedded(settings, &run.http.addresses, shutdown).await?,
        ExecutorSettings::None => Arc::new(Nobody("HOOK_EXECUTOR_ENDPOINT is none".to_owned())),
    };
    Ok(Executors { executor, remote: None })
}

/// This process. Where it cannot confine commands, what needs none works all the same.
async fn embedded(
    settings: &EmbeddedSettings,
    addresses: &AddressSettings,
    shutdown: CancellationToken,
) -> anyhow::Result<Arc<dyn Executor>> {
    let sandbox = match Sandbox::new(settings.sandbox.clone()) {
        Ok(sandbox) => sandbox,
        Err(error) => return Ok(Arc::new(Nobody(error.to_string()))),
    };
    if let Err(error) = sandbox.check().await {
        return Ok(Arc::new(Nobody(error.to_string())));
    }
    if let Some(path) = &settings.whitelist {
        // A sidecar waits for its file; whoever names one here has mistyped it.
        std::fs::File::open(path).with_context(|| format!("HOOK_WHITELIST_PATH: {} cannot be read", path.display()))?;
    }
    let rules = settings.whitelist.as_ref().map_or_else(Rules::none, |path| {
        // Whoever runs this decides what runs.
        Rules::open(path, Finder::new(User::of_process(true)))
    });
    let rules = Arc::new(rules);
    let egress = Egress::bind(addresses, settings.engine.max_timeout)
        .await
        .context("cannot listen for commands that may use the network")?;
    let engine = Embedded::new(Arc::clone(&rules), sandbox, settings.engine.clone(), Some(egress.address()));
    tokio::spawn(egress.serve(shutdown.clone()));
    tokio::spawn(rules.follow(shutdown));
    Ok(if settings.whitelist.is_some() { Arc::new(engine) } else { Arc::new(WithoutWhitelist(engine)) })
}

/// Says how commands get allowed, where none is.
struct WithoutWhitelist(Embedded);

#[async_trait]
impl Executor for WithoutWhitelist {
    async fn run(&self, _: &Command, _: &Spool, _: &Spools) -> Result<Spool, ExecutorError> {
        let why = "no command is allowed without a whitelist, which --hook-whitelist-path names";
        Err(ExecutorError::NotAllowed(why.to_owned()))
    }

    async fn transform(&self, program: &Program, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError> {
        self.0.transform(program, input, spools).await
    }

    async fn health(&self) -> Result<Option<String>, ExecutorError> {
        self.0.health().await
    }
}

/// Asks the sidecar, and keeps what it says: for scrapes and readiness, which come often enough.
pub fn probe(remote: Arc<Remote>, outages: Arc<Outages>) -> Probe {
    Arc::new(move || {
        let (remote, outages) = (Arc::clone(&remote), Arc::clone(&outages));
        Box::pin(async move {
            let asked = tokio::time::timeout(ANSWER_TIMEOUT, remote.report()).await;
            let late = |_| Err(ExecutorError::Unavailable("it does not answer in time".to_owned()));
            match asked.unwrap_or_else(late) {
                Ok(health) => {
                    outages.over(Dependency::HookExecutor);
                    metrics::hook_executor(health.running, health.waiting, health.whitelist.is_none());
                    health.whitelist
                }
                Err(error) => {
                    outages.begin(Dependency::HookExecutor, &error);
                    None
                }
            }
        })
    })
}

/// For a scrape.
pub fn ask(probe: Probe) -> metrics::Ask {
    Arc::new(move || {
        let asked = probe();
        Box::pin(async move {
            asked.await;
        })
    })
}

/// For a probe of readiness.
pub fn details(probe: Probe) -> Details {
    Arc::new(move || {
        let asked = probe();
        Box::pin(async move { asked.await.map(|problem| ("whitelist", problem)) })
    })
}
