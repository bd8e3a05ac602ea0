//! What is measured: the real binary with archives of three sizes, over a control plane of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::{ExternalArtifact, ExternalSource};
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use tempfile::TempDir;
use testbed::{Origin, Process, ProcessBuilder, Reply, Testbed, free_port};

use crate::Size;

/// The account of deploy/rbac.yaml.
const ACCOUNT: (&str, &str) = ("flux-system", "flux-externalsource-controller");

/// Longer than any step takes; a step that takes longer is broken.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Archives by the names of their sources: bytes of what is in them, which does not shrink.
const ARCHIVES: [(&str, usize); 3] = [("small", 20_000), ("large", 20_000_000), ("huge", 100_000_000)];

/// Where everything is measured.
pub struct Bed {
    testbed: Testbed,
    origin: Origin,
    folder: TempDir,
    namespace: String,
    controller: Process,
    port: u16,
    keys: Vec<(&'static str, String)>,
}

impl Bed {
    /// The controller with everything stored.
    pub async fn start(size: &Size) -> Result<Self> {
        let testbed = Testbed::start().await?;
        testbed.flux_crds().await?;
        let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: flux-system}}";
        testbed.apply_yaml("flux-system", namespace).await?;
        for file in ["deploy/crds/source.flux.oddkin.co_externalsources.yaml", "deploy/rbac.yaml"] {
            let yaml = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")))?;
            testbed.apply_yaml("flux-system", &yaml).await?;
        }
        let namespace = testbed.namespace("bench").await?;
        let (folder, origin, port) = (tempfile::tempdir()?, Origin::start().await?, free_port()?);
        // For nginx, which may run as somebody else.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let controller = controller(&testbed, &namespace, &folder, port, size).await?;
        let mut bed = Self { testbed, origin, folder, namespace, controller, port, keys: Vec::new() };
        for (name, bytes) in ARCHIVES {
            bed.publish(name, bytes).await?;
            let key = bed.advertised(name, "").await?;
            bed.keys.push((name, key));
        }
        Ok(bed)
    }

    /// The address of the artifact server.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The controller's process.
    pub fn pid(&self) -> u32 {
        self.controller.pid()
    }

    /// The volume.
    pub fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    /// The path of the archive of this source.
    pub fn path(&self, name: &str) -> String {
        let key = self.keys.iter().find(|(known, _)| *known == name).map(|(_, key)| key.as_str());
        format!("/{}", key.unwrap_or_default())
    }

    /// Lets the origin serve something new for this source, and the controller fetch it.
    pub async fn publish(&self, name: &str, bytes: usize) -> Result<()> {
        let mut body = vec![0; bytes];
        fastrand::fill(&mut body);
        let path = format!("/{name}.bin");
        self.origin.on(&path, Reply::ok(body));
        let now = fastrand::u64(..).to_string();
        let object = json!({
            "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
            "metadata": {"name": name, "annotations": {"reconcile.fluxcd.io/requestedAt": now}},
            "spec": {"interval": "1h", "generator": {"type": "http", "http": {"url": self.origin.url(&path)}}},
        });
        let api: Api<ExternalSource> = Api::namespaced(self.testbed.client().await?, &self.namespace);
        api.patch(name, &PatchParams::apply("bench").force(), &Patch::Apply(&object)).await?;
        Ok(())
    }

    /// The key that this source advertises, once it is another than `before`.
    pub async fn advertised(&self, name: &str, before: &str) -> Result<String> {
        let api: Api<ExternalArtifact> = Api::namespaced(self.testbed.client().await?, &self.namespace);
        let deadline = std::time::Instant::now() + LIMIT;
        loop {
            let artifact = api.get_opt(name).await?.and_then(|object| object.status).and_then(|status| status.artifact);
            if let Some(artifact) = artifact.filter(|artifact| artifact.path != before) {
                return Ok(artifact.path);
            }
            ensure!(std::time::Instant::now() < deadline, "{name} does not become ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn controller(testbed: &Testbed, namespace: &str, folder: &TempDir, port: u16, size: &Size) -> Result<Process> {
    let account = testbed.account(ACCOUNT.0, ACCOUNT.1).await?;
    let health = free_port()?;
    let process = ProcessBuilder::new("controller", &size.program)
        .arg("controller")
        .env("KUBECONFIG", account.kubeconfig.display().to_string())
        .env("WATCH_NAMESPACES", namespace)
        .env("ADDRESS_ALLOW", "127.0.0.0/8")
        .env("STORAGE_BACKEND", &size.backend)
        .env("PVC_STORAGE_PATH", folder.path().join("volume").display().to_string())
        .env("ARTIFACT_SERVER_PORT", port.to_string())
        .env("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{port}"))
        .env("HEALTH_ADDR", format!("127.0.0.1:{health}"))
        .env("METRICS_ADDR", format!("127.0.0.1:{}", free_port()?))
        .env("POD_NAME", "bench-0")
        .env("POD_NAMESPACE", ACCOUNT.0)
        .spawn()?;
    let ready = || async {
        let answer = reqwest::get(format!("http://127.0.0.1:{health}/readyz")).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        Ok(())
    };
    process.until_ready(LIMIT, ready).await.context("the controller is not ready")?;
    Ok(process)
}
