//! What a failing source must look like, whatever failed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::wait::condition;

use crate::harness::{Sources, config_map};

/// How a failure is told.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The reason of Ready.
    pub reason: &'static str,
    /// What the message must contain.
    pub says: &'static str,
}

/// What a source advertised while all was well.
pub struct Good {
    name: String,
    artifact: Value,
}

impl Good {
    /// Of a source that is Ready.
    pub async fn of(sources: &Sources, name: &str) -> Result<Self> {
        let source = sources.wait_ready(name).await?;
        Ok(Self { name: name.to_owned(), artifact: source["status"]["artifact"].clone() })
    }

    /// Waits until the source fails like this and retries, and checks that what it advertised is advertised and served
    /// as before.
    pub async fn kept(&self, sources: &Sources, told: Told) -> Result<Value> {
        let source = self.advertised(sources, told).await?;
        let reconciling = condition(&source, "Reconciling").context("not Reconciling")?;
        ensure!(reconciling["status"] == "True" && reconciling["reason"] == "ProgressingWithRetry", "{reconciling}");
        ensure!(condition(&source, "Stalled").is_none(), "Stalled: {source}");
        Ok(source)
    }

    /// The same for a source that does not retry.
    pub async fn kept_and_stalled(&self, sources: &Sources, told: Told) -> Result<()> {
        let source = self.advertised(sources, told).await?;
        stalled(&source, told)
    }

    async fn advertised(&self, sources: &Sources, told: Told) -> Result<Value> {
        let source = sources.wait_failed(&self.name, told.reason).await.with_context(|| format!("{told:?}"))?;
        let ready = condition(&source, "Ready").context("no Ready")?.clone();
        let message = ready["message"].as_str().unwrap_or_default();
        ensure!(message.contains(told.says), "{}: {message:?} does not say {:?}", self.name, told.says);
        ensure!(source["status"]["observedGeneration"] == source["metadata"]["generation"]);
        ensure!(source["status"]["artifact"] == self.artifact, "{}: {}", self.name, source["status"]["artifact"]);
        self.served(sources, &ready).await?;
        Ok(source)
    }

    /// Looks at the ExternalArtifact as a consumer does: the same archive, and why it is not the newest.
    async fn served(&self, sources: &Sources, ready: &Value) -> Result<()> {
        let same = |artifact: &Value| {
            condition(artifact, "Ready").is_some_and(|it| {
                it["status"] == "False" && it["reason"] == ready["reason"] && it["message"] == ready["message"]
            })
        };
        let artifact = sources.wait_artifact(&self.name, "say the same as its source", same).await?;
        for field in ["url", "path", "revision", "digest", "size", "lastUpdateTime", "metadata"] {
            let (now, before) = (&artifact["status"]["artifact"][field], &self.artifact[field]);
            ensure!(now == before, "{}: {field} became {now} from {before}", self.name);
        }
        ensure!(sources.download(&self.name).await?.len() == 1);
        Ok(())
    }
}

/// Checks the conditions of a source that nothing but an edit can mend.
pub fn stalled(source: &Value, told: Told) -> Result<()> {
    let stalled = condition(source, "Stalled").context("not Stalled")?;
    ensure!(stalled["status"] == "True" && stalled["reason"] == told.reason, "{stalled}");
    ensure!(stalled["message"].as_str().is_some_and(|message| message.contains(told.says)), "{stalled}");
    ensure!(condition(source, "Reconciling").is_none(), "Reconciling: {source}");
    Ok(())
}

/// Waits until a source advertises the content that came after its failure.
pub async fn healed(sources: &Sources, name: &str) -> Result<()> {
    let gone = json!(null);
    let healed = |source: &Value| {
        condition(source, "Ready").is_some_and(|ready| ready["status"] == "True")
            && condition(source, "Reconciling").unwrap_or(&gone).is_null()
    };
    sources.wait(name, "heal", healed).await?;
    let files = sources.download(name).await?;
    ensure!(files.len() == 1 && files[0].1 == config_map("healed"), "{name}: {files:?}");
    Ok(())
}
