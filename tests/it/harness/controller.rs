//! Starts the binary as a pod would: its own account, its own ports, settings from the environment.

use anyhow::{Result, ensure};
use testbed::{Process, ProcessBuilder, Testbed, archive, free_port};

use super::{SOON, Sources};

/// The account of deploy/rbac.yaml.
const ACCOUNT: (&str, &str) = ("flux-system", "flux-externalsource-controller");

/// A lease that expires within a test, and that a leader on a busy machine keeps all the same.
const LEASE: [(&str, &str); 3] =
    [("LEASE_DURATION", "5s"), ("LEASE_RENEW_DEADLINE", "4s"), ("LEASE_RETRY_PERIOD", "500ms")];

/// How a controller differs from the usual one of a test.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Settings beyond the usual ones, by the names of their environment variables.
    pub environment: Vec<(&'static str, String)>,
    /// Flags.
    pub flags: Vec<String>,
}

impl Options {
    /// With one more setting.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// With one more flag.
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// A running controller. Dropping it kills it.
pub struct Controller {
    /// The process.
    pub process: Process,
    /// Port of the artifact server.
    pub artifacts: u16,
    /// Port of the health server.
    pub health: u16,
    /// Port of the metrics server.
    pub metrics: u16,
    /// User of its account, as the audit log names it.
    pub user: String,
}

impl Controller {
    /// A controller for this namespace; returns when it is ready.
    pub async fn start(testbed: &Testbed, namespace: &str) -> Result<Self> {
        Self::start_with(testbed, namespace, Options::default()).await
    }

    /// The same, with other settings.
    pub async fn start_with(testbed: &Testbed, namespace: &str, options: Options) -> Result<Self> {
        let controller = Self::spawn(testbed, namespace, options).await?;
        controller.until_ready().await?;
        Ok(controller)
    }

    /// The same, without waiting for it.
    pub async fn spawn(testbed: &Testbed, namespace: &str, options: Options) -> Result<Self> {
        let account = testbed.account(ACCOUNT.0, ACCOUNT.1).await?;
        let (artifacts, health, metrics) = (free_port()?, free_port()?, free_port()?);
        let usual = [
            ("KUBECONFIG", account.kubeconfig.display().to_string()),
            ("WATCH_NAMESPACES", namespace.to_owned()),
            ("ADDRESS_ALLOW", "127.0.0.0/8".to_owned()),
            ("MIN_INTERVAL", "1s".to_owned()),
            ("RETRY_BASE_DELAY", "100ms".to_owned()),
            ("ARTIFACT_SERVER_PORT", artifacts.to_string()),
            ("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{artifacts}")),
            ("HEALTH_ADDR", format!("127.0.0.1:{health}")),
            ("METRICS_ADDR", format!("127.0.0.1:{metrics}")),
            ("POD_NAME", format!("test-{namespace}")),
            ("POD_NAMESPACE", ACCOUNT.0.to_owned()),
            ("LOG_LEVEL", "info,flux_externalsource=debug".to_owned()),
        ];
        let mut process = ProcessBuilder::new("controller", env!("CARGO_BIN_EXE_flux-externalsource"))
            .arg("controller")
            .args(options.flags);
        for (name, value) in usual.into_iter().chain(options.environment) {
            process = process.env(name, value);
        }
        Ok(Self { process: process.spawn()?, artifacts, health, metrics, user: account.user })
    }

    /// One of several replicas over the storage that the options name.
    pub async fn replica(testbed: &Testbed, namespace: &str, options: Options, pod: &str) -> Result<Self> {
        let port = free_port()?;
        let mut options = options
            .with("ARTIFACT_SERVER_PORT", port.to_string())
            .with("LEADER_ELECT", "true")
            .with("LEASE_NAME", namespace)
            .with("POD_NAME", format!("{namespace}-{pod}"));
        for (name, value) in LEASE {
            options = options.with(name, value);
        }
        let mut controller = Self::start_with(testbed, namespace, options).await?;
        controller.artifacts = port;
        Ok(controller)
    }

    /// Starts a controller that ends at once because of its settings or its storage; gives what it said.
    pub async fn refused(testbed: &Testbed, namespace: &str, options: Options) -> Result<String> {
        let controller = Self::spawn(testbed, namespace, options).await?;
        let status = controller.process.wait(SOON).await?;
        ensure!(status.code() == Some(1), "{status}: {}", controller.process.log_tail());
        controller.process.log()
    }

    /// Downloads what is advertised from this replica.
    pub async fn ensure_serves(&self, sources: &Sources, name: &str) -> Result<()> {
        let artifact = sources.advertised(name).await?;
        let url = format!("http://127.0.0.1:{}/{}", self.artifacts, artifact.path);
        let bytes = reqwest::get(url).await?.error_for_status()?.bytes().await?;
        ensure!(archive::digest(&bytes) == artifact.digest, "{name} is something else");
        Ok(())
    }

    /// Waits until `/readyz` says so.
    pub async fn until_ready(&self) -> Result<()> {
        self.process
            .until_ready(SOON, || async {
                let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", self.health)).await?;
                ensure!(answer.status() == 200, "{}", answer.text().await?);
                Ok(())
            })
            .await
    }

    /// The text of a path of the metrics server.
    pub async fn scrape(&self) -> Result<String> {
        Ok(reqwest::get(format!("http://127.0.0.1:{}/metrics", self.metrics)).await?.error_for_status()?.text().await?)
    }
}
