//! The controller is killed and started again over the same bucket.

use anyhow::{Result, ensure};
use testbed::s3::Kind;
use testbed::{Filter, eventually};

use super::{Scene, path};
use crate::harness::{SOON, ensure_try_again};

#[tokio::test]
async fn after_a_kill_nothing_is_fetched_again_and_the_same_bytes_are_served_at_once() -> Result<()> {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let scene = Scene::new("bucket", kind).await?;
        let controller = scene.start().await?;
        let mut before = Vec::new();
        for name in ["small", "large"] {
            scene.create(name, "x").await?;
            scene.sources.wait_ready(name).await?;
            before.push(scene.ensure_served(name, "x").await?);
        }
        controller.process.kill().await?;
        let since = scene.testbed.audit_log().await?.position().await?;

        let controller = scene.start().await?;
        let mut after = Vec::new();
        for name in ["small", "large"] {
            after.push(scene.ensure_served(name, "x").await?);
        }
        ensure!(after == before, "{after:?}");
        // A run later, whatever a start brings with it is over.
        scene.sources.request("small", "later").await?;
        scene.sources.wait_handled("small", "later").await?;
        let requests = scene.origin.requests_for(&path("small"));
        let conditional: Vec<_> = requests.iter().map(|request| request.header("if-none-match")).collect();
        ensure!(conditional == [None, Some("\"x\"")], "{conditional:?}");
        ensure!(scene.origin.requests_for(&path("large")).len() == 1, "it was fetched again");
        let artifacts = Filter::all().user(&controller.user).namespace(&scene.sources.namespace);
        let writes = scene.testbed.audit_log().await?.writes(since, &artifacts.resource("externalartifacts")).await?;
        ensure!(writes.is_empty(), "{writes:#?}");
        ensure!(scene.ensure_sound().await? == 2, "something else is stored");
    }
    Ok(())
}

#[tokio::test]
async fn what_somebody_removed_is_stored_again_and_the_advertisement_stays() -> Result<()> {
    let scene = Scene::new("removed", Kind::Minio).await?;
    let controller = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;
    controller.process.kill().await?;
    scene.remove(&before).await?;
    scene.origin.on(&path("config"), testbed::Reply::hang());
    let _controller = scene.start_with(scene.options().with("HTTP_TIMEOUT", "1s")).await?;
    scene.origin.wait_for_requests(&path("config"), 2, SOON).await?;
    ensure_try_again(&before.url).await?;
    scene.say("config", "x");
    let mended = async || scene.ensure_served("config", "x").await;
    let after = eventually("the archive to be mended", SOON, mended).await?;
    ensure!(after == before, "{after:?}");
    Ok(())
}

#[tokio::test]
async fn redirected_consumers_get_the_same_bytes_without_a_key() -> Result<()> {
    let scene = Scene::new("redirect", Kind::Minio).await?;
    let _controller = scene.start_with(scene.options().with("S3_SERVE", "redirect")).await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    // Followed by whoever downloads.
    let artifact = scene.ensure_served("config", "x").await?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let answer = client.get(&artifact.url).send().await?;
    ensure!(answer.status() == 307, "{answer:?}");
    let location = answer.headers()["location"].to_str()?;
    ensure!(location.starts_with(&format!("{}/{}/flux/", scene.server.endpoint(), scene.bucket)), "{location}");
    ensure!(answer.headers()["cache-control"] == "no-store");
    let etag = format!("\"{}\"", artifact.digest);
    let unchanged = client.get(&artifact.url).header("if-none-match", &etag).send().await?;
    ensure!(unchanged.status() == 304, "{unchanged:?}");
    let head = client.head(&artifact.url).send().await?;
    ensure!(head.status() == 200 && head.headers()["etag"] == etag, "{head:?}");
    Ok(())
}
