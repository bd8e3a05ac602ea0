//! The server is away, at the start and later, and dies in the middle of stores.

use anyhow::{Result, ensure};
use testbed::eventually;
use testbed::s3::Kind;
use testbed::wait::condition;

use super::Scene;
use crate::harness::{SOON, ensure_try_again};

#[tokio::test]
async fn a_controller_that_starts_before_its_bucket_is_ready_once_that_is_there() -> Result<()> {
    let scene = Scene::new("s3-away", Kind::Minio).await?;
    scene.server.kill().await?;
    let controller = scene.spawn_with(scene.options()).await?;
    controller.process.until_logged("the storage cannot be reached", SOON).await?;
    let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", controller.health)).await?;
    ensure!(answer.status() == 503, "it is ready without its storage");
    scene.server.restart().await?;
    controller.until_ready().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    scene.ensure_served("config", "x").await?;
    Ok(())
}

#[tokio::test]
async fn while_the_server_is_away_consumers_are_told_to_come_back_and_sources_recover_after_it() -> Result<()> {
    let scene = Scene::new("s3-outage", Kind::Minio).await?;
    let fast = scene.options().with("S3_MAX_ATTEMPTS", "1").with("RETRY_MAX_DELAY", "1s");
    let without_copies = fast.with("STORAGE_CACHE_MEMORY", "0").with("STORAGE_CACHE_DISK", "0");
    let controller = scene.start_with(without_copies).await?;
    for name in ["kept", "changed"] {
        scene.create(name, "1").await?;
        scene.sources.wait_ready(name).await?;
    }
    let kept = scene.ensure_served("kept", "1").await?;
    scene.server.kill().await?;
    ensure_try_again(&kept.url).await?;
    scene.say("changed", "2");
    scene.sources.request("changed", "now").await?;
    let failed = scene.sources.wait_failed("changed", "StorageOperationFailed").await?;
    let message = condition(&failed, "Ready").map(|ready| ready["message"].to_string()).unwrap_or_default();
    ensure!(message.contains("cannot be reached"), "{message}");
    let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", controller.health)).await?;
    ensure!(answer.status() == 200, "an outage of the storage is no reason to be unready");
    let text = answer.text().await?;
    ensure!(text.contains("[!]storage "), "{text}");

    scene.server.restart().await?;
    scene.sources.wait_ready("changed").await?;
    scene.ensure_served("changed", "2").await?;
    ensure!(scene.ensure_served("kept", "1").await? == kept, "the advertisement changed");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_stores_loses_nothing_that_was_advertised() -> Result<()> {
    let scene = Scene::new("s3-crash", Kind::Minio).await?;
    let options = scene.options().with("S3_MAX_ATTEMPTS", "1").with("RETRY_MAX_DELAY", "1s");
    let _controller = scene.start_with(options).await?;
    scene.create("large", "0").await?;
    scene.sources.wait_ready("large").await?;
    for round in 1..=4 {
        let (before, value) = ((round - 1).to_string(), round.to_string());
        scene.say("large", &value);
        scene.sources.request("large", &value).await?;
        // In its middle, or before or after it: every moment has to do.
        scene.origin.wait_for_requests("/large.yaml", round + 1, SOON).await?;
        scene.server.kill().await?;
        scene.server.restart().await?;
        let served = async || match scene.ensure_served("large", &value).await {
            Ok(artifact) => Ok(artifact),
            // Until the new one is advertised, the old one is served.
            Err(error) => scene.ensure_served("large", &before).await.and(Err(error)),
        };
        eventually("the new revision", SOON, served).await?;
        scene.ensure_sound().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_cached_is_served_while_the_server_is_away() -> Result<()> {
    let scene = Scene::new("s3-cached", Kind::Minio).await?;
    let _controller = scene.start_with(scene.options().with("S3_MAX_ATTEMPTS", "1")).await?;
    scene.create("config", "1").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "1").await?;
    scene.server.kill().await?;
    scene.say("config", "2");
    scene.sources.request("config", "now").await?;
    scene.sources.wait_failed("config", "StorageOperationFailed").await?;
    ensure!(scene.ensure_served("config", "1").await? == before, "something else is advertised");
    Ok(())
}
