//! A volume that is full, read-only, broken or deaf while the controller runs.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use testbed::eventually;

use super::Scene;
use crate::harness::{Controller, Options, SOON, ensure_try_again, events};

/// Linux's numbers.
const EIO: &str = "5";
const ENOSPC: &str = "28";
const EROFS: &str = "30";

impl Scene {
    /// Settings of a controller whose volume [`breaks`](Self::breaks).
    fn breakable(&self) -> Options {
        self.options().with("FAULT_STORAGE_FILE", self.fault().display().to_string())
    }

    fn fault(&self) -> std::path::PathBuf {
        self.volume.path().join("fault")
    }

    /// Whole, or not there.
    fn breaks(&self, how: &str) -> Result<()> {
        let unfinished = self.volume.path().join("fault.unfinished");
        fs::write(&unfinished, how)?;
        Ok(fs::rename(unfinished, self.fault())?)
    }

    fn heals(&self) -> Result<()> {
        Ok(fs::remove_file(self.fault())?)
    }
}

async fn ready_text(controller: &Controller) -> Result<String> {
    let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", controller.health)).await?;
    ensure!(answer.status() == 200, "an outage made it unready");
    Ok(answer.text().await?)
}

async fn ensure_text(controller: &Controller, part: &str) -> Result<()> {
    let text = ready_text(controller).await?;
    ensure!(text.contains(part), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_volume_that_takes_nothing_more_is_told_and_serves_what_it_has() -> Result<()> {
    for (number, words) in [(ENOSPC, "is full: "), (EROFS, "is read-only; ")] {
        let scene = Scene::new("full").await?;
        let controller = scene.start_with(scene.breakable()).await?;
        scene.create("config", "old").await?;
        scene.sources.wait_ready("config").await?;

        scene.breaks(&format!("writes {number}"))?;
        scene.say("config", "new");
        scene.sources.request("config", "1").await?;
        let source = scene.sources.wait_failed("config", "StorageOperationFailed").await?;
        let ready = testbed::wait::condition(&source, "Ready").context("no Ready")?;
        ensure!(ready["message"].as_str().is_some_and(|message| message.contains(words)), "{ready}");
        scene.ensure_served("config", "old").await?;
        ensure_text(&controller, "[!]storage-writes the volume").await?;
        let series = controller.scrape().await?;
        ensure!(series.contains(r#"{dependency="storage-writes"} 0"#), "{series}");
        eventually("a warning", SOON, async || {
            let events = events(&scene.testbed, &scene.sources.namespace, "config").await?;
            ensure!(events.iter().any(|(_, _, note)| note.contains(words)), "{events:?}");
            Ok(())
        })
        .await?;

        scene.heals()?;
        let healed = async || scene.ensure_served("config", "new").await;
        eventually("the new revision", SOON, healed).await?;
        let text = ready_text(&controller).await?;
        ensure!(!text.contains("[!]storage"), "{text}");
        scene.ensure_sound()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_volume_that_cannot_be_read_withdraws_nothing() -> Result<()> {
    let scene = Scene::new("unreadable").await?;
    let controller = scene.start_with(scene.breakable().with("STORAGE_CACHE_MEMORY", "0")).await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;

    scene.breaks(&format!("all {EIO}"))?;
    ensure_try_again(&before.url).await?;
    ensure_text(&controller, "[!]storage could not").await?;
    scene.sources.request("config", "1").await?;
    scene.sources.wait_failed("config", "StorageOperationFailed").await?;
    ensure!(scene.sources.advertised("config").await? == before, "the advertisement was changed");

    scene.heals()?;
    scene.sources.wait_ready("config").await?;
    ensure!(scene.ensure_served("config", "x").await? == before, "it was stored anew");
    Ok(())
}

#[tokio::test]
async fn a_volume_that_does_not_answer_is_told_and_stops_no_probe() -> Result<()> {
    let scene = Scene::new("deaf").await?;
    let impatient = scene.breakable().with("PVC_TIMEOUT", "1s").with("STORAGE_CACHE_MEMORY", "0");
    let controller = scene.start_with(impatient).await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;
    scene.breaks("hang")?;
    scene.say("config", "y");
    scene.sources.request("config", "1").await?;
    let source = scene.sources.wait_failed("config", "StorageOperationFailed").await?;
    let ready = testbed::wait::condition(&source, "Ready").context("no Ready")?;
    ensure!(ready["message"].as_str().is_some_and(|message| message.contains("did not answer within 1 s")), "{ready}");
    ensure_try_again(&before.url).await?;
    ensure_text(&controller, "[!]storage the volume").await?;
    let live = reqwest::get(format!("http://127.0.0.1:{}/healthz", controller.health)).await?;
    ensure!(live.status() == 200, "{}", live.text().await?);

    scene.heals()?;
    let healed = async || scene.ensure_served("config", "y").await;
    eventually("the new revision", SOON, healed).await.map(drop)
}

#[tokio::test]
async fn what_is_cached_is_served_while_the_volume_is_away() -> Result<()> {
    let scene = Scene::new("cached").await?;
    let controller = scene.start_with(scene.breakable()).await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;

    scene.breaks(&format!("all {EIO}"))?;
    scene.say("config", "y");
    scene.sources.request("config", "1").await?;
    scene.sources.wait_failed("config", "StorageOperationFailed").await?;
    ensure!(scene.ensure_served("config", "x").await? == before, "something else is advertised");
    ensure_text(&controller, "[!]storage").await?;

    scene.heals()?;
    let healed = async || scene.ensure_served("config", "y").await;
    eventually("the new revision", SOON, healed).await.map(drop)
}
