//! What the collector cannot judge, it leaves alone.

use std::fs;

use anyhow::{Result, ensure};

use super::{Scene, wait_until_gone, whole_round};
use crate::harness::{Controller, Sources, config_map, files, http_source};
use testbed::Reply;

#[tokio::test]
async fn without_a_complete_view_nothing_is_removed() -> Result<()> {
    let scene = Scene::new("blind").await?;
    let orphan = scene.put(&scene.sources.namespace, "gone", "gone")?;
    let kubeconfig = scene.volume.path().join("kubeconfig");
    // Nobody listens there.
    let server = format!("https://127.0.0.1:{}", testbed::free_port()?);
    fs::write(
        &kubeconfig,
        format!(
            "{{apiVersion: v1, kind: Config, current-context: x, clusters: [{{name: x, cluster: {{server: \"{server}\"}}}}], \
             contexts: [{{name: x, context: {{cluster: x, user: x}}}}], users: [{{name: x, user: {{token: x}}}}]}}"
        ),
    )?;
    let options = scene.collecting().with("KUBECONFIG", kubeconfig.display().to_string()).with("CLUSTER_ID", "x");
    let blind = scene.spawn_with(options).await?;
    testbed::eventually("its metrics", crate::harness::SOON, async || blind.scrape().await).await?;
    whole_round(&blind, "waiting").await?;
    ensure!(orphan.exists(), "it was removed");
    blind.process.kill().await?;

    let _controller = scene.start_with(scene.collecting().with("CLUSTER_ID", "x")).await?;
    wait_until_gone(&orphan).await
}

/// One storage, a namespace for each.
#[tokio::test]
async fn two_installations_with_namespaces_of_their_own_leave_each_other_alone() -> Result<()> {
    let scene = Scene::new("first").await?;
    let namespace = scene.testbed.namespace("second").await?;
    let others = Sources::of(&scene.testbed, &namespace).await?;
    let first = scene.start_with(scene.collecting()).await?;
    scene.create("config", "of the first").await?;
    scene.sources.wait_ready("config").await?;
    let mut orphans = Vec::new();
    for namespace in [&scene.sources.namespace, &others.namespace] {
        orphans.push(scene.put(namespace, "gone", "gone")?);
    }
    wait_until_gone(&orphans[0]).await?;
    whole_round(&first, "done").await?;
    ensure!(orphans[1].exists(), "the first one removed what is not its own");
    first.process.kill().await?;

    // Damage is not its business either.
    let damaged = scene.put(&scene.sources.namespace, "gone", "damaged")?;
    fs::write(&damaged, "something else")?;
    let options = scene.collecting().with("STORAGE_VERIFY_PERIOD", "1ms");
    let second = Controller::start_with(&scene.testbed, &others.namespace, options).await?;
    scene.origin.on("/other.yaml", Reply::ok(config_map("of the second")));
    others.apply("config", &http_source(&scene.origin.url("/other.yaml"))).await?;
    others.wait_ready("config").await?;
    wait_until_gone(&orphans[1]).await?;
    whole_round(&second, "done").await?;
    ensure!(damaged.exists(), "the second one removed what is not its own");
    scene.ensure_served("config", "of the first").await?;
    second.process.kill().await?;

    let third = scene.start_with(scene.collecting().with("STORAGE_VERIFY_PERIOD", "1ms")).await?;
    wait_until_gone(&damaged).await?;
    whole_round(&third, "done").await?;
    ensure!(scene.origin.requests_for("/config.yaml").len() == 1, "it was fetched again");
    let theirs = others.advertised("config").await?;
    let bytes = reqwest::get(&theirs.url).await?.error_for_status()?.bytes().await?;
    ensure!(files(&bytes)? == [("other.yaml".to_owned(), config_map("of the second"))]);
    Ok(())
}
