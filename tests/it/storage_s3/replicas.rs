//! Several replicas, one bucket: the leader writes, and each serves everything.

use anyhow::{Result, ensure};
use testbed::s3::Kind;
use testbed::{archive, eventually};

use super::{Scene, path};
use crate::harness::{Controller, SOON};

/// A lease that expires within a test, and that a leader on a busy machine keeps all the same.
const LEASE: [(&str, &str); 3] =
    [("LEASE_DURATION", "5s"), ("LEASE_RENEW_DEADLINE", "4s"), ("LEASE_RETRY_PERIOD", "500ms")];

async fn replica(scene: &Scene, pod: &str) -> Result<Controller> {
    let port = testbed::free_port()?;
    let mut options = scene
        .options()
        .with("ARTIFACT_SERVER_PORT", port.to_string())
        .with("LEADER_ELECT", "true")
        .with("LEASE_NAME", scene.sources.namespace.clone())
        .with("POD_NAME", format!("{}-{pod}", scene.sources.namespace));
    for (name, value) in LEASE {
        options = options.with(name, value);
    }
    let mut controller = scene.start_with(options).await?;
    controller.artifacts = port;
    Ok(controller)
}

/// Downloads what is advertised from this replica.
async fn ensure_serves(scene: &Scene, replica: &Controller, name: &str) -> Result<()> {
    let artifact = scene.sources.advertised(name).await?;
    let url = format!("http://127.0.0.1:{}/{}", replica.artifacts, artifact.path);
    let bytes = reqwest::get(url).await?.error_for_status()?.bytes().await?;
    ensure!(archive::digest(&bytes) == artifact.digest, "{name} is something else");
    Ok(())
}

#[tokio::test]
async fn each_replica_serves_what_the_leader_stored_and_the_next_leader_fetches_nothing() -> Result<()> {
    let scene = Scene::new("s3-replicas", Kind::Minio).await?;
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
    ensure!(scene.ensure_sound().await? == 3, "something was lost");
    Ok(())
}
