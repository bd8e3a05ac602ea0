//! Starts the binary as a pod would: its own account, its own ports, settings from the environment.

use anyhow::Result;
use testbed::{Process, ProcessBuilder, Testbed, free_port};

use super::SOON;

/// The account of deploy/rbac.yaml.
const ACCOUNT: (&str, &str) = ("flux-system", "flux-externalsource-controller");

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

    /// Waits until `/readyz` says so.
    pub async fn until_ready(&self) -> Result<()> {
        self.process
            .until_ready(SOON, || async {
                let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", self.health)).await?;
                anyhow::ensure!(answer.status() == 200, "{}", answer.text().await?);
                Ok(())
            })
            .await
    }

    /// The text of a path of the metrics server.
    pub async fn scrape(&self) -> Result<String> {
        Ok(reqwest::get(format!("http://127.0.0.1:{}/metrics", self.metrics)).await?.error_for_status()?.text().await?)
    }
}
