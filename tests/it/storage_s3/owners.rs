//! Two controllers, one bucket.

use anyhow::{Result, ensure};
use testbed::s3::Kind;

use super::Scene;
use crate::harness::{Controller, Options};

impl Scene {
    /// Starts a controller that ends at once because of its storage; gives what it said.
    async fn refused(&self, options: Options) -> Result<String> {
        Controller::refused(&self.testbed, &self.sources.namespace, options).await
    }
}

#[tokio::test]
async fn another_installations_bucket_is_refused_and_another_prefix_is_not() -> Result<()> {
    let scene = Scene::new("s3-foreign", Kind::Minio).await?;
    let first = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let elsewhere = || {
        let port = testbed::free_port().map(|port| port.to_string());
        Ok::<_, anyhow::Error>(scene.options().with("RELEASE_NAME", "other").with("ARTIFACT_SERVER_PORT", port?))
    };
    let log = scene.refused(elsewhere()?).await?;
    ensure!(log.contains("belongs to another installation") && log.contains("STORAGE_TAKE_OVER"), "{log}");
    scene.ensure_served("config", "x").await?;
    first.process.kill().await?;
    // As the message says.
    scene.start_with(elsewhere()?.with("S3_PREFIX", "other")).await?;
    ensure!(scene.ensure_sound().await? == 1, "it touched what is not its own");
    Ok(())
}
