//! What the Go implementation left behind: its finalizer, and a status that its field manager owns.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::LEGACY_FINALIZER;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use testbed::Reply;
use testbed::wait::condition;

use crate::harness::{Controller, Ledger, SOON, Scene, Sources, config_map, every, http_source, testbed};

#[tokio::test]
async fn the_old_finalizer_is_taken_off_live_objects_and_off_those_that_wait_for_it() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("legacy-finalizer").await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    let finalizers = json!({"metadata": {"finalizers": [LEGACY_FINALIZER, "example.com/other"]}});
    for name in ["live", "deleted"] {
        sources.apply(name, &http_source("http://127.0.0.1:1/map.yaml")).await?;
        sources.merge(name, &finalizers).await?;
    }
    sources.merge("deleted", &json!({"metadata": {"finalizers": [LEGACY_FINALIZER]}})).await?;
    sources.api.delete("deleted", &DeleteParams::default()).await?;
    let waiting = sources.api.get("deleted").await?;
    ensure!(waiting.metadata.deletion_timestamp.is_some(), "it does not wait for its finalizer");

    let _controller = Controller::start(&testbed, &namespace).await?;
    sources.wait("deleted", "be gone", Value::is_null).await?;
    let is_off = |source: &Value| source["metadata"]["finalizers"] == json!(["example.com/other"]);
    sources.wait("live", "lose the old finalizer only", is_off).await?;
    // One that comes while we watch, such as from an old manifest or the old controller.
    sources.merge("live", &finalizers).await?;
    sources.wait("live", "lose the old finalizer again", is_off).await?;
    sources.merge("live", &json!({"metadata": {"finalizers": []}})).await?;
    Ok(())
}

/// A status as the Go controller writes it, with a phase that it never finished.
fn left_behind() -> Value {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": "left behind",
            "lastTransitionTime": "2025-01-01T00:00:00Z", "observedGeneration": 1})
    };
    json!({"observedGeneration": 1, "lastHandledETag": "\"v1\"", "conditions": [
        condition("Ready", "False", "Progressing"), condition("Fetching", "True", "Fetching"),
        condition("ExecutingHooks", "False", "Succeeded"), condition("Stalled", "True", "Failed"),
    ], "artifact": {
        "url": "http://externalsource-artifacts/x.tar.gz", "path": "x.tar.gz", "revision": "sha256:12",
        "lastUpdateTime": "2025-01-01T00:00:00Z", "metadata": {"contentType": "application/yaml"},
    }})
}

#[tokio::test]
async fn a_status_of_another_manager_is_replaced_once() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("legacy-status").await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    let origin = testbed::Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    let mut object = serde_json::to_value(sources.apply("config", &every("1s", &origin.url("/map.yaml"))).await?)?;
    object["status"] = left_behind();
    let params = PostParams { field_manager: Some("manager".into()), ..PostParams::default() };
    sources.api.replace_status("config", &params, &serde_json::from_value(object)?).await?;

    let account = testbed.account("flux-system", "flux-externalsource-controller").await?;
    let ledger = Ledger::open(&testbed, &account.user, &namespace).await?;
    let _controller = Controller::start(&testbed, &namespace).await?;
    sources.wait_ready("config").await?;
    origin.wait_for_requests("/map.yaml", 4, SOON).await?;
    let source = serde_json::to_value(sources.api.get("config").await?)?;
    let conditions = source["status"]["conditions"].as_array().context("no conditions")?;
    ensure!(conditions.len() == 1 && condition(&source, "Ready").is_some_and(|it| it["status"] == "True"), "{source}");
    ensure!(source["status"]["artifact"]["metadata"]["contentType"].is_null(), "{source}");
    ensure!(origin.requests()[0].header("if-none-match").is_none(), "a validator of bytes that we do not have");
    ensure!(sources.download("config").await?[0].1 == config_map("one"));
    let writes = ledger.writes().await?;
    let expected =
        ["externalartifacts", "externalartifacts/status", "externalsources/status", "externalsources/status"];
    ensure!(writes == expected, "{writes:?}");
    Ok(())
}

#[tokio::test]
async fn conditions_that_somebody_adds_to_the_status_go_with_the_next_write() -> Result<()> {
    let scene = Scene::start("legacy-added").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;
    sources
        .api
        .patch_status("config", &PatchParams::default(), &Patch::Merge(&json!({"status": left_behind()})))
        .await?;
    sources.request("config", "token").await?;
    sources.wait_handled("config", "token").await?;
    // The first write replaces what is ours, and a second one removes the rest.
    let clean = |source: &Value| {
        let conditions = source["status"]["conditions"].as_array().map_or(0, Vec::len);
        conditions == 1 && source["status"]["lastHandledETag"].is_null()
    };
    let source = sources.wait("config", "lose what was added", clean).await?;
    ensure!(condition(&source, "Ready").is_some_and(|it| it["status"] == "True"), "{source}");
    Ok(())
}
