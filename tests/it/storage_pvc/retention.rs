//! Old revisions, while new ones come quickly.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use flux_externalsource::api::Artifact;
use testbed::{archive, eventually};

use super::{Scene, path};
use crate::harness::SOON;

const REVISIONS: usize = 50;
const TTL: Duration = Duration::from_secs(20);

/// A revision, and a moment before which it was certainly still advertised.
struct Old {
    artifact: Artifact,
    advertised_until: Instant,
}

/// Downloads it; `None` when its time may be up by now, so that nothing can be said.
async fn downloads(old: &Old) -> Result<Option<()>> {
    let answer = reqwest::get(&old.artifact.url).await?;
    let status = answer.status();
    let bytes = answer.bytes().await?;
    if old.advertised_until.elapsed() >= TTL {
        return Ok(None);
    }
    ensure!(status == 200, "{} answered {status} within its time", old.artifact.url);
    ensure!(archive::digest(&bytes) == old.artifact.digest, "{} is something else", old.artifact.url);
    Ok(Some(()))
}

#[tokio::test]
async fn old_revisions_are_served_for_the_whole_time_while_new_ones_come_quickly() -> Result<()> {
    let scene = Scene::new("retention").await?;
    let options = scene
        .options()
        .with("ARTIFACT_RETENTION_TTL", format!("{}s", TTL.as_secs()))
        .with("ARTIFACT_RETENTION_RECORDS", "1")
        .with("STORAGE_COLLECT_INTERVAL", "500ms")
        .with("STORAGE_STALE_AFTER", "0s")
        .with("STORAGE_VERIFY_PERIOD", "500ms");
    let _controller = scene.start_with(options).await?;
    scene.create("config", "0").await?;
    scene.sources.wait_ready("config").await?;
    let (mut olds, mut checks) = (Vec::<Old>::new(), 0);
    for number in 1..=REVISIONS {
        let value = number.to_string();
        let artifact = scene.sources.advertised("config").await?;
        scene.say("config", &value);
        olds.push(Old { artifact, advertised_until: Instant::now() });
        scene.sources.request("config", &value).await?;
        scene.sources.wait_handled("config", &value).await?;
        let newest = scene.ensure_served("config", &value).await?;
        ensure!(olds.iter().all(|old| old.artifact.digest != newest.digest), "revision {number} is not new");
        for old in &olds {
            checks += usize::from(downloads(old).await?.is_some());
        }
    }
    // Each was looked at right after it was replaced, at least.
    ensure!(checks >= REVISIONS, "{checks} downloads of old revisions");
    ensure!(scene.origin.requests_for(&path("config")).len() == REVISIONS + 1);
    // Their time comes, and nothing but the newest is left.
    eventually("the old ones to be gone", SOON, async || {
        let left = scene.ensure_sound()?;
        ensure!(left == 1, "{left} are left");
        Ok(())
    })
    .await?;
    scene.ensure_served("config", &REVISIONS.to_string()).await.map(drop)
}
