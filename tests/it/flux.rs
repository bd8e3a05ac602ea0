//! The real kustomize-controller and helm-controller deploy what origins say.

use std::io::{Cursor, Write as _};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, discovery};
use serde_json::{Value, json};
use testbed::{Origin, Reply, Testbed, archive, document, wait, wait_for_condition};

use crate::harness::{Controller, SOON, Sources, http_source, testbed};

const KUSTOMIZATION: &str = "
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: consumer}
spec:
  interval: 1h
  retryInterval: 1s
  prune: true
  path: ./
  targetNamespace: NAMESPACE
  sourceRef: {kind: ExternalArtifact, name: config}
";

const RELEASE: &str = "
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: consumer}
spec:
  interval: 1h
  chartRef: {kind: ExternalArtifact, name: config}
  values: {key: from-values}
";

const MANY: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deployed}\ndata:\n";

fn map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deployed}}\ndata: {{key: {value}}}\n")
}

/// A namespace with a controller and a consumer.
struct Deployment {
    sources: Sources,
    maps: Api<ConfigMap>,
    consumers: Api<DynamicObject>,
    _controller: Controller,
}

impl Deployment {
    async fn start(testbed: &Testbed, prefix: &str, consumer: &str) -> Result<Self> {
        let namespace = testbed.namespace(prefix).await?;
        let client = testbed.client().await?;
        testbed.apply_yaml(&namespace, &consumer.replace("NAMESPACE", &namespace)).await?;
        let kind = if consumer == RELEASE {
            GroupVersionKind::gvk("helm.toolkit.fluxcd.io", "v2", "HelmRelease")
        } else {
            GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")
        };
        let (resource, _) = discovery::pinned_kind(&client, &kind).await?;
        Ok(Self {
            sources: Sources::of(testbed, &namespace).await?,
            maps: Api::namespaced(client.clone(), &namespace),
            consumers: Api::namespaced_with(client, &namespace, &resource),
            _controller: Controller::start(testbed, &namespace).await?,
        })
    }

    /// Waits for the ConfigMap with this value.
    async fn wait_deployed(&self, value: &str) -> Result<Value> {
        let what = format!("be deployed with {value}");
        wait_for_condition(&self.maps, "deployed", &what, SOON, |map| map["data"]["key"] == value).await
    }

    /// Lets the consumer reconcile once more, and waits until it has.
    async fn reconcile_consumer(&self, token: &str) -> Result<Value> {
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}});
        self.consumers.patch("consumer", &PatchParams::default(), &Patch::Merge(&patch)).await?;
        wait_for_condition(&self.consumers, "consumer", "handle the request", SOON, |consumer| {
            consumer["status"]["lastHandledReconcileAt"] == token && wait::condition_is("Ready", "True")(consumer)
        })
        .await
    }
}

#[tokio::test]
async fn kustomize_controller_applies_each_new_content_and_prunes_nothing_when_the_origin_is_empty() -> Result<()> {
    let testbed = testbed().await?;
    testbed.kustomize_controller().await?;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(map("one")));
    let deployment = Deployment::start(&testbed, "kustomize", KUSTOMIZATION).await?;
    let sources = &deployment.sources;
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let first = deployment.wait_deployed("one").await?;

    origin.on("/map.yaml", Reply::ok(map("two")));
    sources.request("config", "second").await?;
    deployment.wait_deployed("two").await?;
    sources.wait_handled("config", "second").await?;
    let good = sources.advertised("config").await?;

    origin.on("/map.yaml", Reply::ok(""));
    sources.request("config", "third").await?;
    sources.wait_handled("config", "third").await?;
    let source = sources.wait_failed("config", "EmptyContent").await?;
    let message = wait::condition(&source, "Ready").map(|ready| ready["message"].to_string()).unwrap_or_default();
    ensure!(message.contains("empty"), "Ready says {message}");

    let consumer = deployment.reconcile_consumer("after").await?;
    ensure!(consumer["status"]["lastAppliedRevision"] == json!(good.revision), "{}", consumer["status"]);
    let last = deployment.wait_deployed("two").await?;
    ensure!(last["metadata"]["uid"] == first["metadata"]["uid"], "the ConfigMap was deleted and created again");
    ensure!(sources.advertised("config").await? == good, "the last good artifact is not advertised any more");
    Ok(())
}

#[tokio::test]
async fn kustomize_controller_unpacks_an_archive_that_many_threads_made() -> Result<()> {
    let testbed = testbed().await?;
    testbed.kustomize_controller().await?;
    let origin = Origin::start().await?;
    // Several blocks of the archive, and less than a ConfigMap may hold.
    let filler = STANDARD_NO_PAD.encode(document::noise(450_000, 1));
    origin.on("/map.yaml", Reply::ok(format!("{MANY}  key: large\n  filler: x{filler}\n")));
    let deployment = Deployment::start(&testbed, "blocks", KUSTOMIZATION).await?;
    deployment.sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let deployed = deployment.wait_deployed("large").await?;
    ensure!(deployed["data"]["filler"] == format!("x{filler}"), "it is not what the origin sent");
    Ok(())
}

#[tokio::test]
async fn helm_controller_installs_a_packaged_chart() -> Result<()> {
    let testbed = testbed().await?;
    testbed.helm_controller().await?;
    let chart = archive::tar_gz(&[
        ("app/Chart.yaml", b"apiVersion: v2\nname: app\nversion: 1.2.3\n"),
        ("app/values.yaml", b"key: default\n"),
        ("app/templates/map.yaml", map("{{ .Values.key }}").as_bytes()),
    ])?;
    let origin = Origin::start().await?;
    origin.on("/app-1.2.3.tgz", Reply::ok(chart));
    let deployment = Deployment::start(&testbed, "helm", RELEASE).await?;
    let mut spec = http_source(&origin.url("/app-1.2.3.tgz"));
    spec["generator"]["http"]["unpack"] = json!({"format": "tar.gz"});
    deployment.sources.apply("config", &spec).await?;
    let map = deployment.wait_deployed("from-values").await?;
    ensure!(map["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", "{}", map["metadata"]);
    Ok(())
}

#[tokio::test]
async fn kustomize_controller_applies_a_folder_of_a_zip() -> Result<()> {
    let testbed = testbed().await?;
    testbed.kustomize_controller().await?;
    let origin = Origin::start().await?;
    origin.on("/release.zip", Reply::ok(zip_of(&[("deploy/map.yaml", &map("zipped")), ("README", "not for Flux")])?));
    let deployment = Deployment::start(&testbed, "zip", KUSTOMIZATION).await?;
    let mut spec = http_source(&origin.url("/release.zip"));
    spec["generator"]["http"]["unpack"] = json!({"format": "zip", "path": "deploy"});
    deployment.sources.apply("config", &spec).await?;
    deployment.wait_deployed("zipped").await?;
    let files = deployment.sources.download("config").await?;
    ensure!(files == [("map.yaml".to_owned(), map("zipped"))], "{files:?}");
    Ok(())
}

#[tokio::test]
async fn a_request_on_the_external_artifact_as_a_receiver_makes_it_is_a_run() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("receiver").await?;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(map("one")));
    let _controller = Controller::start(&testbed, &namespace).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;

    origin.on("/map.yaml", Reply::ok(map("two")));
    sources.request_by_artifact("config", "pushed").await?;
    let handled = |source: &Value| source["status"]["lastHandledArtifactReconcileAt"] == "pushed";
    let source = sources.wait("config", "handle the request on its artifact", handled).await?;
    ensure!(source["status"]["lastHandledReconcileAt"].is_null(), "a token was taken for the other object's");
    ensure!(sources.download("config").await? == [("map.yaml".to_owned(), map("two"))]);
    ensure!(origin.requests_for("/map.yaml").len() == 2, "{} requests", origin.requests_for("/map.yaml").len());
    Ok(())
}

fn zip_of(files: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(*path, zip::write::SimpleFileOptions::default())?;
        archive.write_all(content.as_bytes())?;
    }
    Ok(archive.finish().context("cannot finish the zip")?.into_inner())
}
