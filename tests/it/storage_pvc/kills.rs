//! The controller is killed at every step of a store.

use anyhow::{Context as _, Result, ensure};

use super::Scene;
use crate::harness::SOON;

/// The changes of a volume before the first store after a start (two folders, each synced), and those of a store in a
/// folder that has to be made anew: a file is made, written, synced, three folders are made and synced, the file gets its
/// name, its folder is synced.
const STEPS: std::ops::RangeInclusive<usize> = 5..=15;

#[tokio::test]
async fn a_store_that_is_killed_at_any_step_harms_nothing_and_leaves_nothing() -> Result<()> {
    let scene = Scene::new("kills").await?;
    scene.create("config", "0").await?;
    let controller = scene.start().await?;
    scene.sources.wait_ready("config").await?;
    controller.process.kill().await?;
    let (mut value, mut kills) = ("0".to_owned(), 0);
    for step in STEPS {
        let next = step.to_string();
        scene.say("config", &next);
        scene.sources.request("config", &next).await?;
        let doomed = scene.spawn_with(scene.options().with("FAULT_STORAGE_KILL_AT", step.to_string())).await?;
        let killed = doomed.process.wait(SOON).await.with_context(|| format!("step {step}"))?;
        ensure!(doomed.process.log()?.contains("fault point: killed before"), "it ended by itself: {killed}");
        kills += 1;

        // Held back until what was there before has been looked at.
        scene.say("config", &value);
        let controller = scene.start().await?;
        let before = scene.ensure_served("config", &value).await;
        before.with_context(|| format!("what was advertised, after {}", doomed.process.log_tail()))?;
        scene.say("config", &next);
        scene.sources.request("config", &format!("{next} again")).await?;
        scene.sources.wait_handled("config", &format!("{next} again")).await?;
        scene.sources.wait_ready("config").await?;
        scene.ensure_served("config", &next).await?;
        controller.process.kill().await?;
        scene.ensure_sound()?;
        value = next;
    }
    ensure!(kills == STEPS.count(), "{kills} kills");
    Ok(())
}
