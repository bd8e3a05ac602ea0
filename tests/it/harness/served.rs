//! What the artifact servers say about single archives.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::Artifact;

use super::Sources;

impl Sources {
    /// What the ExternalArtifact advertises; an error when there is none, or it advertises nothing.
    pub async fn advertised(&self, name: &str) -> Result<Artifact> {
        let object = self.artifacts.get(name).await?;
        object.status.and_then(|status| status.artifact).context("nothing is advertised")
    }
}

/// Checks that the answer to a GET is this status.
pub async fn ensure_status(url: &str, status: u16) -> Result<()> {
    let answer = reqwest::get(url).await?;
    ensure!(answer.status() == status, "{url} answered {}", answer.status());
    Ok(())
}

/// Checks that a GET is answered in the way that makes Flux's fetcher try again soon.
pub async fn ensure_try_again(url: &str) -> Result<()> {
    let answer = reqwest::get(url).await?;
    ensure!(answer.status() == 503, "{url} answered {}", answer.status());
    let wait = answer.headers().get("retry-after").context("no Retry-After")?;
    ensure!(wait == "5", "Retry-After is {wait:?}");
    Ok(())
}
