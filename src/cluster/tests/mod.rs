//! Which requests each call makes, against a scripted API server.

mod artifact;
mod others;
mod status;

use http::{Request, Response};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::api::conditions;

const ARTIFACT: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/ns/externalartifacts/a";
const SOURCE: &str = "/apis/source.flux.oddkin.co/v1alpha1/namespaces/ns/externalsources/a";
const APPLY: &str = "fieldManager=flux-externalsource-controller";

/// A request: its method and path, and its body.
type Seen = (String, Value);

fn settings() -> ClusterSettings {
    ClusterSettings {
        kubeconfig: None,
        namespaces: Vec::new(),
        label_selector: None,
        qps: 0,
        burst: 0,
        instance: "pod-0".into(),
        lease: None,
    }
}

/// A catalog before an API server that gives these answers, in order. The task ends with the catalog and yields the
/// requests that came; one too many is answered with a 500, and seen.
fn catalog(answers: Vec<(u16, Value)>) -> (ClusterCatalog, JoinHandle<Vec<Seen>>) {
    let (client, server) = serve(answers);
    (ClusterCatalog::over(&client, settings()).catalog, server)
}

fn serve(answers: Vec<(u16, Value)>) -> (Client, JoinHandle<Vec<Seen>>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = tokio::spawn(async move {
        let (mut answers, mut seen) = (answers.into_iter(), Vec::new());
        while let Some((request, answer)) = handle.next_request().await {
            let line = format!("{} {}", request.method(), request.uri());
            let body = request.into_body().collect_bytes().await.unwrap();
            seen.push((line, serde_json::from_slice(&body).unwrap_or_default()));
            let (code, body) = answers.next().unwrap_or_else(|| failure(500, "InternalError", "surplus request"));
            let body = Body::from(serde_json::to_vec(&body).unwrap());
            answer.send_response(Response::builder().status(code).body(body).unwrap());
        }
        seen
    });
    (Client::new(service, "default"), server)
}

async fn lines(catalog: ClusterCatalog, server: JoinHandle<Vec<Seen>>) -> Vec<String> {
    requests(catalog, server).await.into_iter().map(|(line, _)| line).collect()
}

async fn requests(catalog: ClusterCatalog, server: JoinHandle<Vec<Seen>>) -> Vec<Seen> {
    drop(catalog);
    server.await.unwrap()
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let details = json!({"name": "a"});
    (
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message, "details": details}),
    )
}

fn source() -> ExternalSource {
    serde_json::from_value(source_json("uid-1", "10", &json!({}))).unwrap()
}

fn source_json(uid: &str, version: &str, status: &Value) -> Value {
    json!({"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource", "metadata": {"name": "a",
        "namespace": "ns", "uid": uid, "resourceVersion": version, "generation": 1},
        "spec": {"interval": "5m", "generator": {"type": "http"}}, "status": status})
}

fn artifact_json(owner_uid: &str, source_kind: &str, status: &Value) -> Value {
    json!({"metadata": {"name": "a", "namespace": "ns", "uid": "uid-2", "resourceVersion": "20",
        "managedFields": [{"manager": "kubectl"}],
        "ownerReferences": [{"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": source_kind, "name": "a",
            "uid": owner_uid, "controller": true}]},
        "spec": {"sourceRef": {"kind": source_kind, "name": "a"}}, "status": status})
}

fn our_artifact(status: &Value) -> Value {
    artifact_json("uid-1", "ExternalSource", status)
}

fn ready() -> Condition {
    Condition { last_transition_time: Time(Timestamp::UNIX_EPOCH), ..conditions::ready("stored") }
}

fn source_status() -> ExternalSourceStatus {
    ExternalSourceStatus { observed_generation: Some(1), conditions: vec![ready()], ..ExternalSourceStatus::default() }
}

fn artifact_status() -> ExternalArtifactStatus {
    ExternalArtifactStatus { conditions: vec![ready()], ..ExternalArtifactStatus::default() }
}

fn to_json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap()
}
