//! What people are told: one event on both objects for what is new, once for what keeps happening, and none otherwise.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use testbed::Reply;

use crate::harness::{SOON, Scene, config_map, events, every, http_source, wait_events};

/// How many events there are about `name`, by kind and reason.
async fn count(scene: &Scene, name: &str) -> Result<BTreeMap<(String, String), usize>> {
    let mut counts = BTreeMap::new();
    for (kind, reason, _) in events(&scene.testbed, &scene.sources.namespace, name).await? {
        *counts.entry((kind, reason)).or_default() += 1;
    }
    Ok(counts)
}

fn counts(expected: &[(&str, &str, usize)]) -> BTreeMap<(String, String), usize> {
    expected.iter().map(|(kind, reason, count)| (((*kind).to_owned(), (*reason).to_owned()), *count)).collect()
}

#[tokio::test]
async fn a_new_artifact_is_one_event_on_both_objects_and_an_unchanged_poll_none() -> Result<()> {
    let scene = Scene::start("events-new").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    sources.apply("config", &every("1s", &origin.url("/map.yaml"))).await?;
    let source = sources.wait_ready("config").await?;
    let told = wait_events(&scene, "config", "NewArtifact", 2).await?;
    let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    ensure!(kinds == ["ExternalArtifact", "ExternalSource"], "{told:?}");
    let revision = source["status"]["artifact"]["revision"].as_str().unwrap_or("?");
    ensure!(told.iter().all(|(_, note)| note.contains(revision)), "{told:?}");

    origin.wait_for_requests("/map.yaml", 4, SOON).await?;
    let one = counts(&[("ExternalArtifact", "NewArtifact", 1), ("ExternalSource", "NewArtifact", 1)]);
    ensure!(count(&scene, "config").await? == one, "{:?}", count(&scene, "config").await?);
    // The events of a change come after those that an unchanged poll before it would have made.
    origin.on("/map.yaml", Reply::ok(config_map("two")).etag("\"v2\""));
    wait_events(&scene, "config", "NewArtifact", 4).await?;
    let two = counts(&[("ExternalArtifact", "NewArtifact", 2), ("ExternalSource", "NewArtifact", 2)]);
    ensure!(count(&scene, "config").await? == two, "{:?}", count(&scene, "config").await?);
    Ok(())
}

#[tokio::test]
async fn an_event_says_who_tells_it_and_what_it_is_about() -> Result<()> {
    let scene = Scene::start("events-shape").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    wait_events(&scene, "config", "NewArtifact", 2).await?;
    let api: Api<Event> = Api::namespaced(scene.testbed.client().await?, &sources.namespace);
    let uids = [sources.artifacts.get("config").await?.metadata.uid, sources.api.get("config").await?.metadata.uid];
    for event in api.list(&ListParams::default()).await? {
        let regarding = event.regarding.clone().unwrap_or_default();
        ensure!(uids.contains(&regarding.uid), "{event:?}");
        ensure!(event.type_.as_deref() == Some("Normal"), "{event:?}");
        ensure!(event.reporting_controller.as_deref() == Some("flux-externalsource-controller"), "{event:?}");
        ensure!(event.reporting_instance == Some(format!("test-{}", sources.namespace)), "{event:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_failure_that_keeps_coming_back_is_told_once_and_written_once() -> Result<()> {
    let scene = Scene::start("events-failure").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let good = || Reply::ok(config_map("one")).etag("\"v1\"");
    origin.on("/map.yaml", good());
    sources.apply("config", &every("1s", &origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;
    let ledger = scene.ledger().await?;
    origin.on("/map.yaml", Reply::status(500));
    sources.wait_failed("config", "FetchFailed").await?;
    let seen = origin.requests().len();
    origin.wait_for_requests("/map.yaml", seen + 4, SOON).await?;
    let statuses = ["externalartifacts/status", "externalsources/status"];
    ensure!(ledger.writes().await? == statuses, "{:?}", ledger.writes().await?);

    origin.on("/map.yaml", good());
    sources.wait_ready("config").await?;
    // The same failure again, within the minute in which it counts as the same.
    origin.on("/map.yaml", Reply::status(500));
    sources.wait_failed("config", "FetchFailed").await?;
    origin.on("/map.yaml", Reply::ok(config_map("two")));
    wait_events(&scene, "config", "NewArtifact", 4).await?;
    let expected = counts(&[
        ("ExternalArtifact", "FetchFailed", 1),
        ("ExternalArtifact", "NewArtifact", 2),
        ("ExternalArtifact", "Succeeded", 1),
        ("ExternalSource", "FetchFailed", 1),
        ("ExternalSource", "NewArtifact", 2),
        ("ExternalSource", "Succeeded", 1),
    ]);
    let told = count(&scene, "config").await?;
    ensure!(told == expected, "{told:?}");
    Ok(())
}
