//! The controller is killed at every step of a store, just before each request.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::storage::Storage as _;
use testbed::Reply;
use testbed::s3::Kind;

use super::{Scene, path};
use crate::harness::SOON;

/// More requests than a start and a store in parts take.
const MOST: usize = 40;

#[tokio::test]
async fn a_store_that_is_killed_at_any_step_harms_nothing() -> Result<()> {
    let scene = Scene::new("s3-kills", Kind::Minio).await?;
    scene.create("large", "0").await?;
    let controller = scene.start().await?;
    scene.sources.wait_ready("large").await?;
    controller.process.kill().await?;
    let (mut value, mut kills) = ("0".to_owned(), Vec::new());
    for step in 1..MOST {
        let next = step.to_string();
        scene.say("large", &next);
        scene.sources.request("large", &next).await?;
        let doomed = scene.spawn_with(scene.options().with("FAULT_STORAGE_KILL_AT", &*next)).await?;
        if !is_killed(&scene, &doomed.process, &next).await.with_context(|| next.clone())? {
            break;
        }
        kills.push(doomed.process.log()?.lines().last().unwrap_or_default().to_owned());

        // Held back until what was there before has been looked at: one of the two, and whole.
        scene.origin.on(&path("large"), Reply::hang());
        let controller = scene.start().await?;
        if scene.ensure_served("large", &value).await.is_err() {
            scene.ensure_served("large", &next).await.with_context(|| doomed.process.log_tail())?;
        }
        scene.say("large", &next);
        controller.process.kill().await?;
        scene.ensure_sound().await?;
        let controller = scene.start().await?;
        scene.sources.request("large", &format!("{next} again")).await?;
        scene.sources.wait_handled("large", &format!("{next} again")).await?;
        scene.ensure_served("large", &next).await?;
        controller.process.kill().await?;
        value = next;
    }
    // Of the store alone: look, begin, two parts (at once, in any order), complete, look.
    ensure!(kills.len() > 8 && kills.len() < MOST - 1, "{kills:#?}");
    for part in ["?uploads", "UploadPart", "tar.gz?uploadId="] {
        ensure!(kills.iter().any(|kill| kill.contains(part)), "no kill at {part}: {kills:#?}");
    }
    let storage = scene.storage().await?;
    storage.lead(true).await?;
    let left = storage.remove_unfinished(std::time::Duration::ZERO).await?;
    ensure!(left > 0, "no kill was in the middle of an upload");
    ensure!(storage.remove_unfinished(std::time::Duration::ZERO).await? == 0, "garbage stays");
    Ok(())
}

/// Waits for the end of a process, or for the run that it was to be killed in.
async fn is_killed(scene: &Scene, doomed: &testbed::Process, token: &str) -> Result<bool> {
    tokio::select! {
        end = doomed.wait(SOON) => {
            let status = end?;
            ensure!(doomed.log()?.contains("fault point: killed"), "it ended by itself: {status}");
            Ok(true)
        }
        handled = scene.sources.wait_handled("large", token) => {
            handled?;
            // Killed right after, perhaps: what it does next belongs to the next step.
            Ok(doomed.exit_status()?.is_some())
        }
    }
}
