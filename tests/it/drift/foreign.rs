//! An ExternalArtifact of the same name that belongs to somebody else.

use anyhow::{Result, ensure};
use kube::api::{DeleteParams, DynamicObject, GroupVersionKind};
use kube::{Api, discovery};
use serde_json::Value;
use testbed::Reply;
use testbed::wait::condition;

use crate::harness::{Scene, config_map, http_source};

const THEIRS: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata: {name: config, labels: {team: a}}
spec:
  sourceRef: {apiVersion: example.com/v1, kind: Generator, name: theirs}
";

/// One that says nothing of its owner.
const NOBODYS: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata: {name: nobodys}
spec: {}
";

/// The whole object as the API server has it, with resource version and managed fields.
async fn snapshot(scene: &Scene, name: &str) -> Result<Value> {
    let client = scene.testbed.client().await?;
    let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "ExternalArtifact");
    let (resource, _) = discovery::pinned_kind(&client, &kind).await?;
    let api: Api<DynamicObject> = Api::namespaced_with(client, &scene.sources.namespace, &resource);
    Ok(serde_json::to_value(api.get(name).await?)?)
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_never_touched_and_the_source_heals_when_it_goes() -> Result<()> {
    let scene = Scene::start("foreign").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    scene.testbed.apply_yaml(&sources.namespace, THEIRS).await?;
    scene.testbed.apply_yaml(&sources.namespace, NOBODYS).await?;
    let before = [snapshot(&scene, "config").await?, snapshot(&scene, "nobodys").await?];
    let ledger = scene.ledger().await?;
    for (name, owner) in [("config", "belongs to Generator theirs"), ("nobodys", "belongs to somebody else")] {
        sources.apply(name, &http_source(&origin.url("/map.yaml"))).await?;
        let source = sources.wait_failed(name, "OwnershipConflict").await?;
        let stalled = condition(&source, "Stalled").cloned().unwrap_or_default();
        ensure!(stalled["status"] == "True" && stalled["reason"] == "OwnershipConflict", "{source}");
        ensure!(stalled["message"].as_str().is_some_and(|message| message.contains(owner)), "{stalled}");
        // Not even when it is asked to.
        sources.request(name, "token").await?;
        sources.wait_handled(name, "token").await?;
    }
    ensure!(
        ledger.writes().await?.iter().all(|write| write == "externalsources/status"),
        "{:?}",
        ledger.writes().await?
    );
    let after = [snapshot(&scene, "config").await?, snapshot(&scene, "nobodys").await?];
    ensure!(before == after, "before: {before:?}, after: {after:?}");

    for name in ["config", "nobodys"] {
        sources.artifacts.delete(name, &DeleteParams::default()).await?;
        sources.wait_ready(name).await?;
        ensure!(sources.download(name).await?[0].1 == config_map("one"));
    }
    Ok(())
}

#[tokio::test]
async fn one_that_appears_in_the_place_of_a_deleted_one_is_left_alone_too() -> Result<()> {
    let scene = Scene::start("foreign-later").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    scene.testbed.apply_yaml(&sources.namespace, THEIRS).await?;
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_failed("config", "OwnershipConflict").await?;
    let before = snapshot(&scene, "config").await?;
    // A source that goes must not take it along, nor must its successor take it over.
    sources.api.delete("config", &DeleteParams::default()).await?;
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_failed("config", "OwnershipConflict").await?;
    ensure!(snapshot(&scene, "config").await? == before);
    Ok(())
}

/// As a backup has it: ours by its sourceRef, and owned by a source that is no more.
const RESTORED: &str = "
apiVersion: source.toolkit.fluxcd.io/v1
kind: ExternalArtifact
metadata:
  name: config
  ownerReferences:
    - {apiVersion: source.flux.oddkin.co/v1alpha1, kind: ExternalSource, name: config, controller: true,
       uid: 00000000-0000-0000-0000-000000000001}
spec:
  sourceRef: {apiVersion: source.flux.oddkin.co/v1alpha1, kind: ExternalSource, name: config}
";

#[tokio::test]
async fn one_that_was_restored_from_a_backup_is_adopted() -> Result<()> {
    let scene = Scene::start("restored").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    scene.testbed.apply_yaml(&sources.namespace, RESTORED).await?;
    let source = sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let uid = serde_json::to_value(&source.metadata.uid)?;
    sources.wait_ready("config").await?;
    // The garbage collector may be faster; then it comes anew. In both cases it has one owner and stays.
    let adopted = |artifact: &Value| {
        let owners = artifact["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        owners.len() == 1 && owners[0]["uid"] == uid && !artifact["status"]["artifact"].is_null()
    };
    sources.wait_artifact("config", "be adopted", adopted).await?;
    ensure!(sources.download("config").await?[0].1 == config_map("one"));
    Ok(())
}
