//! The controller is killed at every step of a round.

use anyhow::{Context as _, Result, ensure};

use super::{Scene, wait_until_gone};
use crate::harness::SOON;

/// The changes of a volume before the first removal after a start (two folders, each synced), and those of three removals:
/// each of the file, of its folder, and an attempt at the folder above.
const STEPS: std::ops::RangeInclusive<usize> = 5..=13;

#[tokio::test]
async fn a_round_that_is_killed_at_any_step_harms_nothing_and_the_next_one_ends_it() -> Result<()> {
    let scene = Scene::new("killed").await?;
    scene.create("config", "x").await?;
    let controller = scene.start().await?;
    scene.sources.wait_ready("config").await?;
    controller.process.kill().await?;
    for step in STEPS {
        let orphans: Vec<_> = (0..3)
            .map(|n| scene.put(&scene.sources.namespace, &format!("gone-{n}"), &format!("{step} {n}")))
            .collect::<Result<_>>()?;
        let doomed = scene.spawn_with(scene.collecting().with("FAULT_STORAGE_KILL_AT", step.to_string())).await?;
        let killed = doomed.process.wait(SOON).await.with_context(|| format!("step {step}"))?;
        let log = doomed.process.log()?;
        ensure!(log.contains("fault point: killed before Remove"), "it ended by itself: {killed}: {log}");
        ensure!(scene.ensure_sound()? >= 1);

        let controller = scene.start_with(scene.collecting()).await?;
        scene.ensure_served("config", "x").await?;
        for orphan in &orphans {
            wait_until_gone(orphan).await?;
        }
        controller.process.kill().await?;
        ensure!(scene.ensure_sound()? == 1, "step {step}");
    }
    ensure!(scene.origin.requests_for("/config.yaml").len() == 1, "it was fetched again");
    Ok(())
}
