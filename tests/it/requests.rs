//! What makes a run happen: requests on either object, suspension, and changes of the spec.

use anyhow::{Result, ensure};
use flux_externalsource::api::FIELD_MANAGER;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use testbed::Reply;
use testbed::wait::condition;

use crate::harness::{SOON, Scene, Sources, config_map, every, http_source};

const PATH: &str = "/map.yaml";

/// A scene with one Ready source whose content never changes.
async fn settled(prefix: &str) -> Result<Scene> {
    let scene = Scene::start(prefix).await?;
    scene.origin.on(PATH, Reply::ok(config_map("one")).etag("\"v1\""));
    scene.sources.apply("config", &http_source(&scene.origin.url(PATH))).await?;
    scene.sources.wait_ready("config").await?;
    Ok(scene)
}

fn annotations(values: &[(&str, &str)]) -> Value {
    let values: serde_json::Map<_, _> =
        values.iter().map(|(name, value)| (format!("reconcile.fluxcd.io/{name}"), json!(value))).collect();
    json!({"metadata": {"annotations": values}})
}

async fn content(sources: &Sources) -> Result<String> {
    let mut files = sources.download("config").await?;
    ensure!(files.len() == 1, "{files:?}");
    Ok(files.remove(0).1)
}

#[tokio::test]
async fn a_request_runs_once_per_value_and_is_repeated_in_the_status() -> Result<()> {
    let scene = settled("requests-once").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    sources.request("config", "first").await?;
    sources.wait_handled("config", "first").await?;
    // The same value again, and another annotation: both make watch events, neither a run.
    sources.request("config", "first").await?;
    sources.merge("config", &json!({"metadata": {"annotations": {"example.com/note": "hello"}}})).await?;
    sources.request("config", "second").await?;
    let source = sources.wait_handled("config", "second").await?;
    ensure!(origin.requests_for(PATH).len() == 3, "{} requests", origin.requests_for(PATH).len());
    ensure!(source["status"]["lastHandledArtifactReconcileAt"].is_null());
    Ok(())
}

#[tokio::test]
async fn requests_on_both_objects_at_once_are_two_runs_and_each_is_recorded_in_its_own_field() -> Result<()> {
    let scene = settled("requests-both").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let (first, second) =
        tokio::join!(sources.request("config", "on-source"), sources.request_by_artifact("config", "on-artifact"));
    first.and(second)?;
    let both = |source: &Value| {
        source["status"]["lastHandledReconcileAt"] == "on-source"
            && source["status"]["lastHandledArtifactReconcileAt"] == "on-artifact"
    };
    sources.wait("config", "handle both requests", both).await?;
    ensure!(origin.requests_for(PATH).len() == 3, "{} requests", origin.requests_for(PATH).len());
    sources.request("config", "afterwards").await?;
    let source = sources.wait_handled("config", "afterwards").await?;
    ensure!(origin.requests_for(PATH).len() == 4, "{} requests", origin.requests_for(PATH).len());
    ensure!(source["status"]["lastHandledArtifactReconcileAt"] == "on-artifact");
    Ok(())
}

#[tokio::test]
async fn our_applies_never_own_the_annotation() -> Result<()> {
    let scene = settled("requests-owner").await?;
    let sources = &scene.sources;
    sources.request_by_artifact("config", "token").await?;
    let handled = |source: &Value| source["status"]["lastHandledArtifactReconcileAt"] == "token";
    sources.wait("config", "handle the request", handled).await?;
    // Makes us apply the object itself again, after the annotation came.
    let relabel = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    sources.artifacts.patch("config", &PatchParams::default(), &Patch::Merge(&relabel)).await?;
    let ours = |artifact: &Value| artifact["metadata"]["labels"]["app.kubernetes.io/managed-by"] == FIELD_MANAGER;
    sources.wait_artifact("config", "be put right", ours).await?;
    sources.request("config", "token").await?;
    sources.wait_handled("config", "token").await?;

    let (source, artifact) = (sources.api.get("config").await?, sources.artifacts.get("config").await?);
    ensure!(artifact.annotations()["reconcile.fluxcd.io/requestedAt"] == "token");
    let entries = source.managed_fields().iter().chain(artifact.managed_fields());
    let owned: Vec<_> = entries.filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER)).collect();
    ensure!(owned.len() >= 3, "we own an object and two statuses: {owned:?}");
    for entry in owned {
        ensure!(!serde_json::to_string(entry)?.contains("annotations"), "{entry:?}");
    }
    Ok(())
}

#[tokio::test]
async fn force_ignores_the_validators_and_packages_anew() -> Result<()> {
    let scene = settled("requests-force").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    // An origin that forgot to change its ETag.
    origin.on(PATH, Reply::ok(config_map("two")).etag("\"v1\""));
    sources.request("config", "plain").await?;
    sources.wait_handled("config", "plain").await?;
    ensure!(content(sources).await? == config_map("one"));
    // One that does not match the request forces nothing.
    sources.merge("config", &annotations(&[("requestedAt", "other"), ("forceAt", "old")])).await?;
    sources.wait_handled("config", "other").await?;
    ensure!(content(sources).await? == config_map("one"));

    sources.merge("config", &annotations(&[("requestedAt", "force"), ("forceAt", "force")])).await?;
    sources.wait_handled("config", "force").await?;
    ensure!(content(sources).await? == config_map("two"));
    let requests = origin.requests_for(PATH);
    let conditional: Vec<_> = requests.iter().map(|request| request.header("if-none-match").is_some()).collect();
    ensure!(conditional == [false, true, true, false], "{conditional:?}");
    Ok(())
}

#[tokio::test]
async fn a_suspended_source_keeps_what_it_has_and_runs_what_was_requested_once_it_is_resumed() -> Result<()> {
    let scene = settled("requests-suspend").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/witness.yaml", Reply::ok(config_map("witness")));
    sources.apply("witness", &http_source(&origin.url("/witness.yaml"))).await?;
    let mut spec = every("1s", &origin.url(PATH));
    spec["suspend"] = true.into();
    let before = sources.api.get("config").await?.status;
    sources.apply("config", &spec).await?;
    sources.wait_ready("witness").await?;
    origin.on(PATH, Reply::ok(config_map("two")).etag("\"v2\""));
    sources.request("config", "while-suspended").await?;
    sources.request_by_artifact("config", "while-suspended").await?;
    // Polls of the witness take longer than several intervals of the suspended one.
    sources.apply("witness", &every("1s", &origin.url("/witness.yaml"))).await?;
    let polls = origin.requests_for("/witness.yaml").len() + 4;
    origin.wait_for_requests("/witness.yaml", polls, SOON).await?;
    ensure!(origin.requests_for(PATH).len() == 1, "a suspended source asked its origin");
    ensure!(sources.api.get("config").await?.status == before, "the status of a suspended source changed");
    ensure!(content(sources).await? == config_map("one"));

    sources.merge("config", &json!({"spec": {"suspend": false, "interval": "1h"}})).await?;
    let resumed = sources.wait_handled("config", "while-suspended").await?;
    ensure!(condition(&resumed, "Ready").is_some_and(|ready| ready["status"] == "True"));
    ensure!(content(sources).await? == config_map("two"));
    Ok(())
}
