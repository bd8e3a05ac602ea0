//! Our ExternalArtifact was deleted or edited: it is put right at once, and the origin is not asked.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::ExternalArtifact;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use testbed::{Reply, eventually};

use crate::harness::{Options, SOON, Scene, config_map, http_source};

async fn settled(prefix: &str) -> Result<Scene> {
    // Whoever edits again and again is answered ever more slowly, and a test shall not wait for that.
    let scene = Scene::start_with(prefix, Options::default().with("RETRY_MAX_DELAY", "200ms")).await?;
    scene.origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    scene.sources.apply("config", &http_source(&scene.origin.url("/map.yaml"))).await?;
    scene.sources.wait_ready("config").await?;
    Ok(scene)
}

/// What must come back: all but what the API server decides.
fn shape(artifact: &ExternalArtifact) -> Value {
    let conditions = artifact.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    json!({
        "labels": artifact.labels(),
        "owners": artifact.owner_references(),
        "spec": artifact.spec,
        "artifact": artifact.status.as_ref().and_then(|status| status.artifact.as_ref()),
        "conditions": conditions.iter().map(|it| json!([it.type_, it.status, it.reason, it.message])).collect::<Vec<_>>(),
    })
}

async fn wait_for_shape(api: &Api<ExternalArtifact>, wanted: &Value) -> Result<ExternalArtifact> {
    eventually("the ExternalArtifact to be put right", SOON, async || {
        let artifact = api.get("config").await?;
        let now = shape(&artifact);
        ensure!(now == *wanted, "it is {now}");
        Ok(artifact)
    })
    .await
}

#[tokio::test]
async fn a_deleted_artifact_comes_back_without_a_fetch() -> Result<()> {
    let scene = settled("drift-deleted").await?;
    let api = &scene.sources.artifacts;
    let before = api.get("config").await?;
    let wanted = shape(&before);
    api.delete("config", &DeleteParams::default()).await?;
    let after = wait_for_shape(api, &wanted).await?;
    ensure!(after.uid() != before.uid(), "it was never deleted");
    ensure!(scene.sources.download("config").await?[0].1 == config_map("one"));
    ensure!(scene.origin.requests().len() == 1, "the origin was asked again");
    Ok(())
}

#[tokio::test]
async fn every_edit_of_an_artifact_is_undone_without_a_fetch() -> Result<()> {
    let scene = settled("drift-edited").await?;
    let api = &scene.sources.artifacts;
    let before = api.get("config").await?;
    let wanted = shape(&before);
    let edits = [
        json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}),
        json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
        json!({"metadata": {"ownerReferences": []}}),
        json!({"spec": {"sourceRef": {"name": "other"}}}),
        json!({"spec": {"sourceRef": null}}),
    ];
    for edit in edits {
        let edited = api.patch("config", &PatchParams::default(), &Patch::Merge(&edit)).await?;
        ensure!(shape(&edited) != wanted, "{edit} edits nothing");
        wait_for_shape(api, &wanted).await.with_context(|| edit.to_string())?;
    }
    let edits = [
        json!({"status": {"artifact": {"url": "http://evil.example/x.tar.gz"}}}),
        json!({"status": {"artifact": null}}),
        json!({"status": {"conditions": []}}),
        json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Broken", "message": "so it is",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}),
        json!({"status": null}),
    ];
    for edit in edits {
        let edited = api.patch_status("config", &PatchParams::default(), &Patch::Merge(&edit)).await?;
        ensure!(shape(&edited) != wanted, "{edit} edits nothing");
        wait_for_shape(api, &wanted).await.with_context(|| edit.to_string())?;
    }
    ensure!(api.get("config").await?.uid() == before.uid(), "it was replaced");
    ensure!(scene.origin.requests().len() == 1, "the origin was asked again");
    Ok(())
}

#[tokio::test]
async fn what_others_add_beside_our_fields_stays() -> Result<()> {
    let scene = settled("drift-added").await?;
    let api = &scene.sources.artifacts;
    let add = json!({"metadata": {"labels": {"team": "a"}, "annotations": {"example.com/note": "hello"}}});
    api.patch("config", &PatchParams::default(), &Patch::Merge(&add)).await?;
    scene.origin.on("/map.yaml", Reply::ok(config_map("two")).etag("\"v2\""));
    scene.sources.request("config", "token").await?;
    scene.sources.wait_handled("config", "token").await?;
    let after = api.get("config").await?;
    ensure!(after.labels()["team"] == "a" && after.annotations()["example.com/note"] == "hello", "{after:?}");
    ensure!(scene.sources.download("config").await?[0].1 == config_map("two"));
    Ok(())
}
