//! A source that is deleted takes its ExternalArtifact and its bytes with it, and keeps nothing from going.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use testbed::{Reply, eventually, wait_for_condition};

use crate::harness::{SOON, Scene, config_map, http_source};

async fn settled(prefix: &str) -> Result<(Scene, String)> {
    let scene = Scene::start(prefix).await?;
    scene.origin.on("/map.yaml", Reply::ok(config_map("one")));
    scene.sources.apply("config", &http_source(&scene.origin.url("/map.yaml"))).await?;
    let source = scene.sources.wait_ready("config").await?;
    scene.sources.download("config").await?;
    let url = source["status"]["artifact"]["url"].as_str().context("no URL")?.to_owned();
    Ok((scene, url))
}

async fn wait_until_forgotten(url: &str) -> Result<()> {
    eventually("the bytes to be gone", SOON, async || {
        let status = reqwest::get(url).await?.status();
        ensure!(status == 404, "the server answers {status}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_deleted_source_takes_its_artifact_and_its_bytes_with_it() -> Result<()> {
    let (scene, url) = settled("deleted").await?;
    let sources = &scene.sources;
    ensure!(sources.api.get("config").await?.finalizers().is_empty(), "nothing may keep it");
    let deleted = sources.api.delete("config", &DeleteParams::default()).await?;
    ensure!(deleted.right().is_some(), "it is gone at once");
    sources.wait_artifact("config", "be collected", Value::is_null).await?;
    wait_until_forgotten(&url).await
}

#[tokio::test]
async fn a_successor_of_the_same_name_keeps_its_artifact() -> Result<()> {
    let (scene, url) = settled("successor").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    for number in 0..3 {
        sources.api.delete("config", &DeleteParams::default()).await?;
        let made = sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
        let owned =
            |artifact: &Value| artifact["metadata"]["ownerReferences"][0]["uid"] == made.uid().unwrap_or_default();
        sources.wait_ready("config").await?;
        sources.wait_artifact("config", "belong to the successor", owned).await?;
        let served = || async { sources.download("config").await };
        eventually("its bytes", SOON, served).await.with_context(|| format!("successor {number} of {url}"))?;
    }
    // The garbage collector has looked at the predecessors' by the time it has removed this one.
    sources.api.delete("config", &DeleteParams::default()).await?;
    sources.wait_artifact("config", "be collected", Value::is_null).await?;
    wait_until_forgotten(&url).await
}

#[tokio::test]
async fn a_deleted_namespace_goes_although_nobody_is_there_to_let_it() -> Result<()> {
    let (scene, _) = settled("namespace").await?;
    scene.controller.process.kill().await?;
    let namespaces: Api<Namespace> = Api::all(scene.testbed.client().await?);
    let name = &scene.sources.namespace;
    namespaces.delete(name, &DeleteParams::default()).await?;
    wait_for_condition(&namespaces, name, "be gone", SOON, Value::is_null).await?;
    Ok(())
}

#[tokio::test]
async fn a_source_that_waits_for_somebody_elses_finalizer_is_left_alone() -> Result<()> {
    let (scene, url) = settled("deleting").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    sources.merge("config", &json!({"metadata": {"finalizers": ["example.com/other"]}})).await?;
    sources.api.delete("config", &DeleteParams::default()).await?;
    let ledger = scene.ledger().await?;
    sources.artifacts.delete("config", &DeleteParams::default()).await?;
    sources.request("config", "too-late").await?;
    // A later source is through with its first run: the older events were handled before.
    sources.apply("witness", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("witness").await?;
    ensure!(sources.artifacts.get_opt("config").await?.is_none(), "the ExternalArtifact came back");
    ensure!(ledger.writes().await?.len() == 3, "more than the witness: {:?}", ledger.writes().await?);
    ensure!(origin.requests().len() == 2, "the origin was asked for a source that is going");
    sources.merge("config", &json!({"metadata": {"finalizers": []}})).await?;
    sources.wait("config", "be gone", Value::is_null).await?;
    wait_until_forgotten(&url).await
}
