//! Which requests each call makes, against a scripted API server.

use http::{Request, Response};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::api::conditions;
use crate::catalog::EventType;

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

#[tokio::test]
async fn an_artifact_is_applied_with_one_request_that_forces_nothing() {
    let (catalog, server) = catalog(vec![(200, our_artifact(&json!({})))]);
    let artifact = catalog.apply_artifact(&source()).await.unwrap();
    assert_eq!(artifact.metadata.managed_fields, None);
    let seen = requests(catalog, server).await;
    let [(line, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*line, format!("PATCH {ARTIFACT}?&{APPLY}"));
    let metadata = json!({"name": "a", "namespace": "ns",
        "labels": {"app.kubernetes.io/managed-by": "flux-externalsource-controller"},
        "ownerReferences": [{"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource", "name": "a",
            "uid": "uid-1", "controller": true, "blockOwnerDeletion": false}]});
    let spec = json!({"sourceRef": {"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "name": "a", "namespace": "ns"}});
    let expected = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
        "metadata": metadata, "spec": spec});
    assert_eq!(*body, expected, "no status, and no annotation");
}

#[tokio::test]
async fn an_artifact_of_somebody_else_is_left_alone_and_its_owner_named() {
    for refusal in [failure(409, "Conflict", "conflict"), failure(422, "Invalid", "Only one reference")] {
        let (catalog, server) = catalog(vec![refusal, (200, artifact_json("uid-9", "ArtifactGenerator", &json!({})))]);
        let error = catalog.apply_artifact(&source()).await.unwrap_err();
        assert!(matches!(&error, CatalogError::Foreign { owner } if owner == "ArtifactGenerator a"), "{error:?}");
        assert_eq!(lines(catalog, server).await, [format!("PATCH {ARTIFACT}?&{APPLY}"), format!("GET {ARTIFACT}")]);
    }
}

#[tokio::test]
async fn an_artifact_of_ours_that_was_edited_is_taken_back_by_force() {
    let answers = vec![failure(409, "Conflict", "c"), (200, our_artifact(&json!({}))), (200, our_artifact(&json!({})))];
    let (catalog, server) = catalog(answers);
    catalog.apply_artifact(&source()).await.unwrap();
    let apply = format!("PATCH {ARTIFACT}?&{APPLY}");
    let forced = format!("PATCH {ARTIFACT}?&force=true&{APPLY}");
    assert_eq!(lines(catalog, server).await, [apply, format!("GET {ARTIFACT}"), forced]);
}

#[tokio::test]
async fn a_restored_artifact_loses_its_dead_owner_before_it_is_applied() {
    let restored = artifact_json("uid-dead", "ExternalSource", &json!({}));
    let answers = vec![
        failure(422, "Invalid", "Only one reference"),
        (200, restored),
        (200, our_artifact(&json!({}))),
        (200, our_artifact(&json!({}))),
    ];
    let (catalog, server) = catalog(answers);
    catalog.apply_artifact(&source()).await.unwrap();
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 4);
    let metadata = &seen[2].1["metadata"];
    assert_eq!(metadata["resourceVersion"], "20");
    let owners = metadata["ownerReferences"].as_array().unwrap();
    assert_eq!(owners.iter().map(|owner| &owner["uid"]).collect::<Vec<_>>(), ["uid-1"]);
    assert!(seen[3].0.contains("force=true"));
}

#[tokio::test]
async fn refusals_and_outages_are_told_apart() {
    let table = [
        (failure(403, "Forbidden", "namespace ns is being terminated"), "refused"),
        (failure(404, "NotFound", "namespaces \"ns\" not found"), "gone"),
        (failure(429, "TooManyRequests", "later"), "unavailable"),
        (failure(500, "InternalError", "failed calling webhook"), "unavailable"),
    ];
    for (answer, expected) in table {
        let (catalog, server) = catalog(vec![answer.clone()]);
        let error = catalog.apply_artifact(&source()).await.unwrap_err();
        let class = match &error {
            CatalogError::Refused { message, .. } if message.contains("terminated") => "refused",
            CatalogError::Gone => "gone",
            CatalogError::Unavailable { .. } => "unavailable",
            _ => "other",
        };
        assert_eq!(class, expected, "{answer:?}: {error:?}");
        assert_eq!(lines(catalog, server).await.len(), 1, "nothing is retried here");
    }
}

#[tokio::test]
async fn a_source_status_is_applied_with_one_guarded_request() {
    let (catalog, server) = catalog(vec![(200, source_json("uid-1", "11", &to_json(&source_status())))]);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.metadata.resource_version.as_deref(), Some("11"));
    let seen = requests(catalog, server).await;
    let [(line, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*line, format!("PATCH {SOURCE}/status?&force=true&{APPLY}"));
    assert_eq!(body["metadata"], json!({"name": "a", "namespace": "ns", "resourceVersion": "10"}));
    assert_eq!(body["status"], to_json(&source_status()));
}

#[tokio::test]
async fn what_others_left_in_a_status_goes_with_one_more_patch() {
    let mut left = to_json(&source_status());
    left["conditions"].as_array_mut().unwrap().push(json!({"type": "Storing", "status": "False"}));
    left["oldField"] = json!("x");
    let answers =
        vec![(200, source_json("uid-1", "11", &left)), (200, source_json("uid-1", "12", &to_json(&source_status())))];
    let (catalog, server) = catalog(answers);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.status.as_ref(), Some(&source_status()));
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].0, format!("PATCH {SOURCE}/status?&{APPLY}"));
    let conditions = to_json(&source_status())["conditions"].clone();
    let patch = json!({"metadata": {"resourceVersion": "11"}, "status": {"conditions": conditions, "oldField": null}});
    assert_eq!(seen[1].1, patch);
}

#[tokio::test]
async fn a_status_meant_for_a_deleted_object_never_reaches_its_successor() {
    let answers = vec![failure(409, "Conflict", "modified"), (200, source_json("uid-new", "30", &json!({})))];
    let (catalog, server) = catalog(answers);
    let error = catalog.apply_source_status(&source(), &source_status()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Gone), "{error:?}");
    let status = format!("PATCH {SOURCE}/status?&force=true&{APPLY}");
    assert_eq!(lines(catalog, server).await, [status, format!("GET {SOURCE}")]);
}

#[tokio::test]
async fn a_status_of_an_object_that_moved_on_is_applied_to_its_newest_version() {
    let answers = vec![
        failure(409, "Conflict", "modified"),
        (200, source_json("uid-1", "30", &json!({}))),
        (200, source_json("uid-1", "31", &to_json(&source_status()))),
    ];
    let (catalog, server) = catalog(answers);
    catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].1["metadata"]["resourceVersion"], "30");
}

#[tokio::test]
async fn the_status_of_an_unreadable_source_can_be_written() {
    let mut answer = source_json("uid-1", "11", &to_json(&source_status()));
    answer["spec"] = json!("nonsense");
    let (catalog, server) = catalog(vec![(200, answer)]);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.metadata.resource_version.as_deref(), Some("11"));
    assert_eq!(lines(catalog, server).await.len(), 1);
}

#[tokio::test]
async fn an_artifact_status_is_applied_with_one_request() {
    let (catalog, server) = catalog(vec![(200, our_artifact(&to_json(&artifact_status())))]);
    catalog.apply_artifact_status(&source(), &artifact_status()).await.unwrap();
    assert_eq!(lines(catalog, server).await, [format!("PATCH {ARTIFACT}/status?&force=true&{APPLY}")]);
}

#[tokio::test]
async fn an_artifact_status_that_met_another_owner_is_reported() {
    let status = to_json(&artifact_status());
    let table = [
        (failure(404, "NotFound", "not found"), "gone"),
        ((200, artifact_json("uid-new", "ExternalSource", &status)), "gone"),
        ((200, artifact_json("uid-9", "ArtifactGenerator", &status)), "foreign"),
    ];
    for (answer, expected) in table {
        let (catalog, server) = catalog(vec![answer]);
        let class = match catalog.apply_artifact_status(&source(), &artifact_status()).await {
            Err(CatalogError::Gone) => "gone",
            Err(CatalogError::Foreign { .. }) => "foreign",
            _ => "other",
        };
        assert_eq!(class, expected);
        assert_eq!(lines(catalog, server).await.len(), 1);
    }
}

#[tokio::test]
async fn without_the_lease_nothing_is_sent() {
    let lease = LeaseSettings {
        name: "lease".into(),
        namespace: "flux-system".into(),
        identity: "me".into(),
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    let (client, server) = serve(Vec::new());
    let connection = ClusterCatalog::over(&client, ClusterSettings { lease: Some(lease), ..settings() });
    drop(client);
    assert_eq!(*connection.leadership.borrow(), Leadership::Standby);
    let catalog = connection.catalog;
    let mut source = source();
    source.metadata.finalizers = Some(vec![crate::api::LEGACY_FINALIZER.into()]);
    let outcomes = [
        catalog.apply_artifact(&source).await.err(),
        catalog.apply_artifact_status(&source, &artifact_status()).await.err(),
        catalog.apply_source_status(&source, &source_status()).await.err(),
        catalog.remove_legacy_finalizer(&source).await.err(),
    ];
    assert!(outcomes.iter().all(|error| matches!(error, Some(CatalogError::NotLeader))), "{outcomes:?}");
    drop(connection.lease);
    assert_eq!(lines(catalog, server).await, [""; 0]);
}

#[tokio::test]
async fn the_old_finalizer_is_taken_off_and_others_stay() {
    let mut source = source();
    let (unneeded, server) = catalog(Vec::new());
    unneeded.remove_legacy_finalizer(&source).await.unwrap();
    assert_eq!(lines(unneeded, server).await, [""; 0]);

    source.metadata.finalizers = Some(vec!["other/one".into(), crate::api::LEGACY_FINALIZER.into()]);
    let (needed, server) = catalog(vec![(200, source_json("uid-1", "11", &json!({})))]);
    needed.remove_legacy_finalizer(&source).await.unwrap();
    let seen = requests(needed, server).await;
    let patch = json!({"metadata": {"resourceVersion": "10", "finalizers": ["other/one"]}});
    assert_eq!(seen, [(format!("PATCH {SOURCE}?&{APPLY}"), patch)]);

    let (gone, server) = catalog(vec![failure(404, "NotFound", "not found")]);
    gone.remove_legacy_finalizer(&source).await.unwrap();
    assert_eq!(lines(gone, server).await.len(), 1);
}

#[tokio::test]
async fn a_secret_is_read_by_name_and_versioned_without_its_data() {
    let secret =
        json!({"metadata": {"name": "s", "uid": "u", "resourceVersion": "7"}, "data": {"Token": "aHVudGVyMg=="}});
    let (found, server) = catalog(vec![(200, secret)]);
    let secret = found.secret("ns", "s").await.unwrap().unwrap();
    assert_eq!((secret.version.as_str(), secret.data["Token"].as_slice()), ("u/7", b"hunter2".as_slice()));
    assert_eq!(lines(found, server).await, ["GET /api/v1/namespaces/ns/secrets/s"]);

    let (missing, _server) = catalog(vec![failure(404, "NotFound", "not found")]);
    assert_eq!(missing.secret("ns", "s").await.unwrap(), None);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_not_quoted() {
    for answer in [json!({"metadata": {}, "data": {"Token": ["hunter2"]}}), json!("hunter2")] {
        let (catalog, _server) = catalog(vec![(200, answer)]);
        let error = catalog.secret("ns", "s").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_definition_is_named_with_its_remedy() {
    let served = |plural| (200, json!({"resources": [{"name": plural}]}));
    let (both, _server) = catalog(vec![served("externalsources"), served("externalartifacts")]);
    both.check_crds().await.unwrap();
    let (neither, _server) = catalog(vec![failure(404, "NotFound", "not found")]);
    assert!(matches!(neither.check_crds().await, Err(CrdError::NoExternalSource)));
    let (old_flux, _server) = catalog(vec![served("externalsources"), served("gitrepositories")]);
    let error = old_flux.check_crds().await.unwrap_err();
    assert!(matches!(error, CrdError::NoExternalArtifact) && error.to_string().contains("Flux >= 2.7"), "{error}");
    let (down, _server) = catalog(vec![failure(503, "ServiceUnavailable", "starting")]);
    assert!(matches!(down.check_crds().await, Err(CrdError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn events_are_told_on_both_objects_and_folded_when_they_repeat() {
    let (catalog, server) = catalog(vec![(201, json!({})); 4]);
    let artifact: ExternalArtifact = serde_json::from_value(our_artifact(&json!({}))).unwrap();
    let event = Event {
        source: Arc::new(source()),
        artifact: Some(Arc::new(artifact)),
        type_: EventType::Normal,
        reason: "NewArtifact",
        message: "stored".into(),
    };
    catalog.tell(event.clone());
    catalog.tell(event.clone());
    tokio::time::sleep(Duration::from_secs(90)).await;
    catalog.tell(event);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = requests(catalog, server).await;
    let lines: Vec<_> = seen.iter().map(|(line, _)| line.split('?').next().unwrap_or_default()).collect();
    let events = "/apis/events.k8s.io/v1/namespaces/ns/events";
    let name = |index: usize| seen[index].1["metadata"]["name"].as_str().unwrap().to_owned();
    let patch = |index: usize| format!("PATCH {events}/{}", name(index));
    assert_eq!(lines, [format!("POST {events}"), format!("POST {events}"), patch(0), patch(1)]);
    assert_eq!(seen[1].1["regarding"]["kind"], "ExternalArtifact");
    assert_eq!(seen[0].1["reportingInstance"], "pod-0");
    assert_eq!(seen[2].1["series"]["count"], 3);
}
