//! The keys of the bucket are nowhere to be seen.

use anyhow::{Result, ensure};
use testbed::s3::{Kind, SECRET_KEY};

use super::Scene;
use crate::harness::{SOON, events};

#[tokio::test]
async fn no_log_status_event_or_metric_shows_a_key() -> Result<()> {
    let scene = Scene::new("s3-secrets", Kind::Minio).await?;
    // Whatever libraries say too.
    let everything = || scene.options().with("LOG_LEVEL", "trace,h2=info,hyper=info");
    let controller = scene.start_with(everything().with("S3_SERVE", "redirect")).await?;
    for name in ["small", "large"] {
        scene.create(name, "x").await?;
        scene.sources.wait_ready(name).await?;
        scene.ensure_served(name, "x").await?;
    }
    let mut seen = vec![controller.process.log()?, controller.scrape().await?];
    controller.process.kill().await?;

    // The refusal of a wrong key quotes it.
    let wrong = "a-wrong-secret-that-nobody-logs";
    let controller = scene.spawn_with(everything().with("S3_SECRET_ACCESS_KEY", wrong)).await?;
    controller.process.until_logged("refuses the signature; correct S3_SECRET_ACCESS_KEY", SOON).await?;
    seen.push(controller.process.log()?);
    controller.process.kill().await?;
    for name in ["small", "large"] {
        seen.push(serde_json::to_string(&scene.sources.api.get(name).await?)?);
        seen.push(serde_json::to_string(&scene.sources.artifacts.get(name).await?)?);
        seen.push(format!("{:?}", events(&scene.testbed, &scene.sources.namespace, name).await?));
    }
    for text in &seen {
        for secret in [SECRET_KEY, wrong] {
            let line = text.lines().find(|line| line.contains(secret));
            ensure!(line.is_none(), "{}", line.unwrap_or_default());
        }
    }
    Ok(())
}
