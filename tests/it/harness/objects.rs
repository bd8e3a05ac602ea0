//! ExternalSources and what comes of them.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::{ExternalArtifact, ExternalSource};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{Testbed, archive, wait, wait_for_condition};

use super::SOON;

/// The spec of a source that fetches this URL every hour, so that only what a test does makes it run.
pub fn http_source(url: &str) -> Value {
    json!({"interval": "1h", "generator": {"type": "http", "http": {"url": url}}})
}

/// The same at another interval.
pub fn every(interval: &str, url: &str) -> Value {
    let mut spec = http_source(url);
    spec["interval"] = interval.into();
    spec
}

/// A manifest for an origin to serve: `value` tells it from others.
pub fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deployed}}\ndata: {{key: {value}}}\n")
}

/// The objects of one namespace.
#[derive(Clone)]
pub struct Sources {
    /// The sources.
    pub api: Api<ExternalSource>,
    /// Their artifacts' objects.
    pub artifacts: Api<ExternalArtifact>,
    /// The namespace.
    pub namespace: String,
}

impl Sources {
    /// Those of `namespace`.
    pub async fn of(testbed: &Testbed, namespace: &str) -> Result<Self> {
        let client = testbed.client().await?;
        Ok(Self {
            api: Api::namespaced(client.clone(), namespace),
            artifacts: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
        })
    }

    /// Creates or changes a source.
    pub async fn apply(&self, name: &str, spec: &Value) -> Result<ExternalSource> {
        let object = json!({
            "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        self.api.patch(name, &params, &Patch::Apply(&object)).await.context("the source was not accepted")
    }

    /// Merges `patch` into a source, as `kubectl patch` and `kubectl annotate` do.
    pub async fn merge(&self, name: &str, patch: &Value) -> Result<ExternalSource> {
        Ok(self.api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// Asks for a run now.
    pub async fn request(&self, name: &str, token: &str) -> Result<()> {
        self.merge(name, &requested(token)).await.map(drop)
    }

    /// Asks for a run now, on the ExternalArtifact.
    pub async fn request_by_artifact(&self, name: &str, token: &str) -> Result<()> {
        self.artifacts.patch(name, &PatchParams::default(), &Patch::Merge(&requested(token))).await?;
        Ok(())
    }

    /// Waits for a source that `holds`; `what` says what that means.
    pub async fn wait(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        wait_for_condition(&self.api, name, what, SOON, holds).await
    }

    /// Waits for an ExternalArtifact that `holds`.
    pub async fn wait_artifact(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        wait_for_condition(&self.artifacts, name, what, SOON, holds).await
    }

    /// Waits until a source of the current generation is Ready.
    pub async fn wait_ready(&self, name: &str) -> Result<Value> {
        self.wait(name, "be Ready", |source| {
            wait::condition_is("Ready", "True")(source)
                && source["status"]["observedGeneration"] == source["metadata"]["generation"]
        })
        .await
    }

    /// Waits until a source has handled this request.
    pub async fn wait_handled(&self, name: &str, token: &str) -> Result<Value> {
        self.wait(name, "handle the request", |source| source["status"]["lastHandledReconcileAt"] == token).await
    }

    /// Waits until Ready is False for this reason.
    pub async fn wait_failed(&self, name: &str, reason: &str) -> Result<Value> {
        self.wait(name, &format!("fail with {reason}"), |source| {
            wait::condition(source, "Ready")
                .is_some_and(|ready| ready["status"] == "False" && ready["reason"] == reason)
        })
        .await
    }

    /// Downloads what the ExternalArtifact advertises as a consumer does, checks digest and size, and gives its files.
    pub async fn download(&self, name: &str) -> Result<Vec<(String, String)>> {
        let artifact = self.artifacts.get(name).await?.status.and_then(|status| status.artifact);
        let artifact = artifact.context("nothing is advertised")?;
        let bytes = reqwest::get(&artifact.url).await?.error_for_status()?.bytes().await?;
        ensure!(archive::digest(&bytes) == artifact.digest, "the digest is not that of what is served");
        ensure!(artifact.size == i64::try_from(bytes.len()).ok(), "the size is not that of what is served");
        files(&bytes)
    }
}

fn requested(token: &str) -> Value {
    json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}})
}

/// The files of a tar.gz.
pub fn files(bytes: &[u8]) -> Result<Vec<(String, String)>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = entry.path()?.display().to_string();
            let mut content = String::new();
            std::io::Read::read_to_string(&mut entry, &mut content)?;
            files.push((path, content));
        }
    }
    Ok(files)
}
