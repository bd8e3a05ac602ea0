//! What everything is measured on: the control plane, an origin with a path per source, and the binary.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::{Origin, Process, ProcessBuilder, Reply, Testbed, free_port};

use crate::Size;

/// The account of deploy/rbac.yaml.
pub const ACCOUNT: (&str, &str) = ("flux-system", "flux-externalsource-controller");

/// Longer than any step takes; a step that takes longer is broken.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Bytes of a body.
const BODY: usize = 10 * 1024;

/// Where everything is measured.
pub struct Bed {
    pub testbed: Testbed,
    pub origin: Origin,
    versions: AtomicUsize,
}

/// A running controller; dropping it kills it.
pub struct Controller {
    process: Process,
    /// As the audit log names it.
    pub user: String,
}

impl Controller {
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

impl Bed {
    /// A control plane of its own with our definitions and rules, and an origin with `sources` paths.
    pub async fn start(sources: usize) -> Result<Self> {
        let testbed = Testbed::start().await?;
        ensure!(!testbed.is_existing_cluster(), "the bench needs a control plane of its own: unset TESTBED_KUBECONFIG");
        testbed.flux_crds().await?;
        let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: flux-system}}";
        testbed.apply_yaml("flux-system", namespace).await?;
        for file in ["deploy/crds/source.flux.oddkin.co_externalsources.yaml", "deploy/rbac.yaml"] {
            let yaml = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")))?;
            testbed.apply_yaml("flux-system", &yaml).await?;
        }
        let bed = Self { testbed, origin: Origin::start().await?, versions: AtomicUsize::new(0) };
        (0..sources).for_each(|source| bed.publish(source));
        Ok(bed)
    }

    /// Lets the origin serve data of a source that it has never served before.
    pub fn publish(&self, source: usize) {
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let reply = Reply::ok(body(source, version)).etag(&format!("\"{source}-{version}\""));
        self.origin.on(&path(source), reply);
    }

    /// The controller for these namespaces, ready; every setting that is no address has its default.
    pub async fn controller(&self, namespaces: &[&str], size: &Size) -> Result<Controller> {
        let account = self.testbed.account(ACCOUNT.0, ACCOUNT.1).await?;
        let (artifacts, health) = (free_port()?, free_port()?);
        let process = ProcessBuilder::new("controller", &size.program)
            .arg("controller")
            .env("KUBECONFIG", account.kubeconfig.display().to_string())
            .env("WATCH_NAMESPACES", namespaces.join(","))
            .env("ADDRESS_ALLOW", "127.0.0.0/8")
            .env("MIN_INTERVAL", "1s")
            .env("ARTIFACT_SERVER_PORT", artifacts.to_string())
            .env("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{artifacts}"))
            .env("HEALTH_ADDR", format!("127.0.0.1:{health}"))
            .env("METRICS_ADDR", format!("127.0.0.1:{}", free_port()?))
            .env("POD_NAME", "bench-0")
            .env("POD_NAMESPACE", ACCOUNT.0)
            .envs(size.settings.iter().cloned())
            .spawn()?;
        let ready = || async {
            let answer = reqwest::get(format!("http://127.0.0.1:{health}/readyz")).await?;
            ensure!(answer.status() == 200, "{}", answer.status());
            Ok(())
        };
        process.until_ready(LIMIT, ready).await.context("the controller is not ready")?;
        Ok(Controller { process, user: account.user })
    }
}

/// The origin's path of a source.
pub fn path(source: usize) -> String {
    format!("/source-{source}.yaml")
}

/// A manifest of 10 KB that shrinks to about half when it is compressed, and shares nothing with any other.
fn body(source: usize, version: usize) -> String {
    let mut random = fastrand::Rng::with_seed((source * 1_000_003 + version) as u64);
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: source-{source}\ndata:\n");
    let mut line = 0;
    while text.len() < BODY {
        let _ = writeln!(text, "  key-{line:03}: {:032x}{:032x}", random.u128(..), random.u128(..));
        line += 1;
    }
    text
}
