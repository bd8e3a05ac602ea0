//! Flux's controllers deploy what an ExternalArtifact points at.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client, discovery};
use serde_json::json;
use testbed::{Origin, Reply, Testbed, archive, wait_for_condition};

const SOON: Duration = Duration::from_secs(60);

const CONFIG_MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: deployed}, data: {key: value}}";

/// What the controller under test will do: an ExternalArtifact whose status names an archive.
async fn advertise(client: &Client, namespace: &str, url: &str, content: &[u8]) -> Result<()> {
    let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "ExternalArtifact");
    let (resource, _) = discovery::pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let mut object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "ExternalArtifact",
        "metadata": {"name": "source"},
        "spec": {"sourceRef": {"apiVersion": "testbed.example.com/v1", "kind": "Widget", "name": "source"}},
    });
    let params = PatchParams::apply("test").force();
    api.patch("source", &params, &Patch::Apply(&object)).await.context("cannot apply the ExternalArtifact")?;
    let now = "2026-01-01T00:00:00Z";
    object["status"] = json!({
        "artifact": {
            "url": url, "path": "source.tar.gz", "size": content.len(), "lastUpdateTime": now,
            "digest": archive::digest(content), "revision": format!("latest@{}", archive::digest(content)),
        },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "message": "ready", "lastTransitionTime": now,
        }],
    });
    api.patch_status("source", &params, &Patch::Apply(&object)).await.context("cannot apply its status")?;
    Ok(())
}

/// Serves files as an archive, points an ExternalArtifact at it, and waits for the `ConfigMap` that comes out of it.
async fn deploys(testbed: &Testbed, files: &[(&str, &[u8])], consumer: &str) -> Result<()> {
    let namespace = testbed.namespace("flux").await?;
    let client = testbed.client().await?;
    let content = archive::tar_gz(files)?;
    let origin = Origin::start().await?;
    origin.on("/source.tar.gz", Reply::ok(content.clone()));
    advertise(&client, &namespace, &origin.url("/source.tar.gz"), &content).await?;
    testbed.apply_yaml(&namespace, &consumer.replace("NAMESPACE", &namespace)).await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    wait_for_condition(&maps, "deployed", "be deployed", SOON, |map| map["data"]["key"] == "value").await?;
    ensure!(!origin.requests().is_empty(), "the archive was never fetched");
    Ok(())
}

#[tokio::test]
async fn kustomize_controller_applies_an_external_artifact() -> Result<()> {
    let testbed = Testbed::shared().await?;
    testbed.kustomize_controller().await?;
    let kustomization = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: consumer}
spec:
  interval: 1h
  prune: true
  path: ./
  targetNamespace: NAMESPACE
  sourceRef: {kind: ExternalArtifact, name: source}
";
    deploys(&testbed, &[("map.yaml", CONFIG_MAP.as_bytes())], kustomization).await
}

#[tokio::test]
async fn helm_controller_installs_a_chart_of_an_external_artifact() -> Result<()> {
    let testbed = Testbed::shared().await?;
    testbed.helm_controller().await?;
    let release = "
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: consumer}
spec:
  interval: 1h
  chartRef: {kind: ExternalArtifact, name: source}
";
    let files: [(&str, &[u8]); 2] = [
        ("chart/Chart.yaml", b"{apiVersion: v2, name: chart, version: 1.0.0}"),
        ("chart/templates/map.yaml", CONFIG_MAP.as_bytes()),
    ];
    deploys(&testbed, &files, release).await
}
