//! Several replicas, one volume: the leader writes, and each serves everything.

use anyhow::{Result, ensure};
use testbed::eventually;

use super::{Scene, path};
use crate::harness::{Controller, SOON};

async fn replica(scene: &Scene, pod: &str) -> Result<Controller> {
    Controller::replica(&scene.testbed, &scene.sources.namespace, scene.options().with("PVC_SHARED", "true"), pod).await
}

/// Downloads what is advertised from this replica.
async fn ensure_serves(scene: &Scene, replica: &Controller, name: &str) -> Result<()> {
    replica.ensure_serves(&scene.sources, name).await
}

#[tokio::test]
async fn each_replica_serves_what_the_leader_stored_and_the_next_leader_fetches_nothing() -> Result<()> {
    let scene = Scene::new("shared").await?;
    let leader = replica(&scene, "first").await?;
    leader.process.until_logged("leadership changed", SOON).await?;
    let standby = replica(&scene, "second").await?;
    for name in ["one", "two"] {
        scene.create(name, name).await?;
        scene.sources.wait_ready(name).await?;
        for replica in [&leader, &standby] {
            ensure_serves(&scene, replica, name).await?;
        }
    }
    let before = scene.sources.advertised("one").await?;
    // Its writer's lock goes with it, and its lease some time later.
    leader.process.kill().await?;
    ensure_serves(&scene, &standby, "one").await?;
    standby.process.until_logged("leadership changed", SOON).await?;
    scene.say("two", "changed");
    scene.sources.request("two", "now").await?;
    scene.sources.wait_handled("two", "now").await?;
    eventually("the new revision", SOON, async || ensure_serves(&scene, &standby, "two").await).await?;
    ensure_serves(&scene, &standby, "one").await?;
    ensure!(scene.sources.advertised("one").await? == before, "the advertisement changed");
    ensure!(scene.origin.requests_for(&path("one")).len() == 1, "it was fetched again");

    // Gives way before it has ended, and takes over again where it was.
    let third = replica(&scene, "third").await?;
    standby.process.terminate(SOON).await?;
    third.process.until_logged("leadership changed", SOON).await?;
    scene.say("one", "changed");
    scene.sources.request("one", "now").await?;
    scene.sources.wait_handled("one", "now").await?;
    scene.sources.wait_ready("one").await?;
    ensure_serves(&scene, &third, "one").await?;
    ensure!(scene.ensure_sound()? == 4, "something was lost");
    Ok(())
}
