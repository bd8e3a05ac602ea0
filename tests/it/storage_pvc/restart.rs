//! The controller is killed and started again over the same volume.

use std::fs;

use anyhow::{Result, ensure};
use testbed::{Filter, Reply, eventually};

use super::{Scene, path};
use crate::harness::{SOON, ensure_status, ensure_try_again};

#[tokio::test]
async fn after_a_kill_nothing_is_fetched_again_and_the_same_bytes_are_served_at_once() -> Result<()> {
    let scene = Scene::new("volume").await?;
    let controller = scene.start().await?;
    let mut before = Vec::new();
    for name in ["one", "two"] {
        scene.create(name, name).await?;
        scene.sources.wait_ready(name).await?;
        before.push(scene.ensure_served(name, name).await?);
    }
    controller.process.kill().await?;
    let since = scene.testbed.audit_log().await?.position().await?;

    let controller = scene.start().await?;
    // Ready is ready: the first request is answered.
    let mut after = Vec::new();
    for name in ["one", "two"] {
        after.push(scene.ensure_served(name, name).await?);
    }
    ensure!(after == before, "{after:?}");
    // A run later, whatever a start brings with it is over.
    scene.sources.request("one", "later").await?;
    scene.sources.wait_handled("one", "later").await?;
    let requests = scene.origin.requests_for(&path("one"));
    let conditional: Vec<_> = requests.iter().map(|request| request.header("if-none-match")).collect();
    ensure!(conditional == [None, Some("\"one\"")], "{conditional:?}");
    ensure!(scene.origin.requests_for(&path("two")).len() == 1, "it was fetched again");
    let artifacts = Filter::all().user(&controller.user).namespace(&scene.sources.namespace);
    let writes = scene.testbed.audit_log().await?.writes(since, &artifacts.resource("externalartifacts")).await?;
    ensure!(writes.is_empty(), "{writes:#?}");
    ensure!(scene.ensure_sound()? == 2, "something else is stored");
    Ok(())
}

#[tokio::test]
async fn damage_is_mended_before_it_is_served_and_the_advertisement_stays() -> Result<()> {
    let scene = Scene::new("damaged").await?;
    let controller = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;
    controller.process.kill().await?;
    let file = scene.volume.path().join(&before.path);
    let length = fs::metadata(&file)?.len();
    // Of the right length: only its digest tells.
    fs::write(&file, vec![0; usize::try_from(length)?])?;

    scene.origin.on(&path("config"), Reply::hang());
    let _controller = scene.start_with(scene.options().with("HTTP_TIMEOUT", "1s")).await?;
    scene.origin.wait_for_requests(&path("config"), 2, SOON).await?;
    ensure_try_again(&before.url).await?;
    scene.say("config", "x");
    let mended = async || scene.ensure_served("config", "x").await;
    let after = eventually("the archive to be mended", SOON, mended).await?;
    ensure!(after == before, "{after:?}");
    ensure!(scene.ensure_sound()? == 1, "something else is stored");
    Ok(())
}

#[tokio::test]
async fn what_the_go_implementation_left_is_not_taken_for_ours() -> Result<()> {
    let scene = Scene::new("legacy").await?;
    // Its names are digests too, but of what is in the archives.
    let folder = scene.volume.path().join("artifacts").join(&scene.sources.namespace).join("config");
    fs::create_dir_all(&folder)?;
    let theirs = folder.join(format!("{}.tar.gz", "a".repeat(64)));
    fs::write(&theirs, "an archive of theirs")?;
    let _controller = scene.start().await?;
    let key = theirs.strip_prefix(scene.volume.path())?.display().to_string();
    let url = format!("http://127.0.0.1:{}/{key}", scene.port);
    ensure_status(&url, 404).await?;
    ensure!(theirs.exists(), "it was removed");
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    scene.ensure_served("config", "x").await?;
    ensure_status(&url, 404).await
}

#[tokio::test]
async fn a_move_from_memory_to_a_volume_withdraws_nothing() -> Result<()> {
    let scene = Scene::new("moved").await?;
    let memory = scene.options().with("STORAGE_BACKEND", "memory");
    let controller = scene.start_with(memory).await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;
    controller.process.kill().await?;

    let asked = scene.origin.requests_for(&path("config")).len();
    scene.origin.on(&path("config"), Reply::hang());
    let _controller = scene.start_with(scene.options().with("HTTP_TIMEOUT", "1s")).await?;
    scene.origin.wait_for_requests(&path("config"), asked + 1, SOON).await?;
    ensure_try_again(&before.url).await?;
    ensure!(scene.sources.advertised("config").await? == before, "the advertisement was changed");
    scene.say("config", "x");
    scene.sources.request("config", "now").await?;
    let rebuilt = async || scene.ensure_served("config", "x").await;
    let after = eventually("the archive to be stored on the volume", SOON, rebuilt).await?;
    ensure!(after == before, "{after:?}");
    ensure!(scene.ensure_sound()? == 1, "something else is stored");
    Ok(())
}
