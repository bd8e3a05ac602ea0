//! What a watch tells, against an API server that is a function.

use std::time::Duration;

use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::api::ObjectName;

/// What the API server does with a request.
enum Reply {
    Json(u16, Value),
    /// Lines of a watch, which then ends.
    Lines(Vec<Value>),
    /// Never answers.
    Hang,
}

/// A client of an API server that answers the `n`th request (from 0) for this plural with `reply(plural, is_watch, n)`,
/// where lists and watches are counted apart.
fn client(reply: impl Fn(&str, bool, usize) -> Reply + Send + 'static) -> Client {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let mut counts = std::collections::HashMap::<(String, bool), usize>::new();
        let mut hanging = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            let plural = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let count = counts.entry((plural.clone(), is_watch)).or_default();
            let body = match reply(&plural, is_watch, *count) {
                Reply::Json(code, body) => (code, body.to_string()),
                Reply::Lines(lines) => (200, lines.iter().flat_map(|line| [line.to_string(), "\n".into()]).collect()),
                Reply::Hang => {
                    hanging.push(answer);
                    *count += 1;
                    continue;
                }
            };
            *count += 1;
            answer.send_response(Response::builder().status(body.0).body(Body::from(body.1.into_bytes())).unwrap());
        }
    });
    Client::new(service, "default")
}

fn list(items: &[Value]) -> Reply {
    Reply::Json(200, json!({"metadata": {"resourceVersion": "100"}, "items": items}))
}

fn object(name: &str, uid: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "ns", "uid": uid, "resourceVersion": version}, "spec": {}})
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn expired() -> Value {
    event("ERROR", &json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired", "message": "old"}))
}

fn text(item: &Result<Change, CatalogError>) -> String {
    match item {
        Ok(Change::Source(source)) => {
            let (name, uid) = crate::cluster::objects::identity(&*source.object);
            format!("source {name} {uid}{}", if source.invalid.is_some() { " invalid" } else { "" })
        }
        Ok(Change::SourceGone { name, uid }) => format!("source gone {name} {uid}"),
        Ok(Change::Artifact(artifact)) => format!("artifact {}", ObjectName::of(&**artifact)),
        Ok(Change::ArtifactGone(name)) => format!("artifact gone {name}"),
        Ok(Change::Synced) => "synced".into(),
        Err(error) => format!("error {error}"),
    }
}

async fn told(client: &Client, count: usize) -> Vec<String> {
    let told = watch(client, &[], None).take(count).map(|item| text(&item)).collect();
    tokio::time::timeout(Duration::from_secs(3600), told).await.expect("the watch goes on")
}

#[tokio::test(start_paused = true)]
async fn everything_that_exists_is_told_before_synced() {
    let client = client(|plural, is_watch, _| match (plural, is_watch) {
        ("externalsources", false) => {
            let mut broken = object("broken", "u2", "2");
            broken["spec"] = json!("nonsense");
            list(&[object("a", "u1", "1"), broken])
        }
        ("externalartifacts", false) => list(&[object("a", "u3", "3")]),
        _ => Reply::Hang,
    });
    let told = told(&client, 4).await;
    assert_eq!(told, ["artifact ns/a", "source ns/a u1", "source ns/broken u2 invalid", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn no_source_is_told_before_the_artifacts() {
    let client = client(|plural, is_watch, count| match (plural, is_watch, count) {
        ("externalartifacts", false, 0) => Reply::Json(500, json!({"kind": "Status", "code": 500, "message": "no"})),
        ("externalartifacts", false, _) => list(&[object("a", "u3", "3")]),
        ("externalsources", false, _) => list(&[object("a", "u1", "1")]),
        _ => Reply::Hang,
    });
    let told = told(&client, 4).await;
    assert_eq!(told[1..], ["artifact ns/a", "source ns/a u1", "synced"], "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_list_tells_only_what_differs() {
    let client = client(|plural, is_watch, count| match (plural, is_watch, count) {
        ("externalsources", false, 0) => {
            list(&[object("a", "u1", "1"), object("b", "u2", "2"), object("c", "u3", "3")])
        }
        ("externalsources", true, 0) => Reply::Lines(vec![expired()]),
        ("externalsources", false, _) => list(&[object("a", "u1", "1"), object("b", "u9", "9")]),
        ("externalartifacts", false, _) => list(&[]),
        _ => Reply::Hang,
    });
    let told = told(&client, 7).await;
    assert_eq!(told[4..], ["source gone ns/b u2", "source ns/b u9", "source gone ns/c u3"]);
}

#[tokio::test(start_paused = true)]
async fn a_successor_is_told_after_the_end_of_its_predecessor() {
    let client = client(|plural, is_watch, count| match (plural, is_watch, count) {
        ("externalsources", false, _) => list(&[object("a", "u1", "1")]),
        ("externalsources", true, 0) => Reply::Lines(vec![
            event("ADDED", &object("a", "u2", "5")),
            event("DELETED", &object("a", "u1", "4")),
            event("DELETED", &object("a", "u2", "6")),
        ]),
        ("externalartifacts", false, _) => list(&[]),
        _ => Reply::Hang,
    });
    let told = told(&client, 5).await;
    assert_eq!(told[2..], ["source gone ns/a u1", "source ns/a u2", "source gone ns/a u2"]);
}

#[tokio::test(start_paused = true)]
async fn a_lasting_error_is_told_once_and_the_watch_goes_on() {
    let forbidden = json!({"kind": "Status", "code": 403, "message": "no", "details": {"name": "x"}});
    let client = client(move |plural, is_watch, count| match (plural, is_watch, count) {
        ("externalsources", false, 0..5) => Reply::Json(403, forbidden.clone()),
        (_, false, _) => list(&[]),
        _ => Reply::Hang,
    });
    let told = told(&client, 2).await;
    assert_eq!(told, ["error the API server refused to watch ExternalSources: no", "synced"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_is_started_over() {
    let client = client(|_, is_watch, count| if is_watch || count == 0 { Reply::Hang } else { list(&[]) });
    let told = told(&client, 3).await;
    assert!(told[..2].iter().all(|told| told.starts_with("error could not watch")), "{told:?}");
    assert_eq!(told[2], "synced");
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_version_expired_before_it_began_lists_anew() {
    let client = client(|plural, is_watch, count| match (plural, is_watch, count) {
        ("externalsources", true, 0) => Reply::Json(410, json!({"kind": "Status", "code": 410, "message": "old"})),
        ("externalsources", false, 1..) => list(&[object("a", "u1", "1")]),
        (_, false, _) => list(&[]),
        _ => Reply::Hang,
    });
    assert_eq!(told(&client, 2).await, ["synced", "source ns/a u1"]);
}

#[tokio::test(start_paused = true)]
async fn each_namespace_is_watched_by_itself_and_synced_comes_once() {
    let client = client(|_, is_watch, _| if is_watch { Reply::Hang } else { list(&[]) });
    let namespaces = ["one".to_owned(), "two".to_owned(), "one".to_owned()];
    let mut changes = watch(&client, &namespaces, Some("shard=a"));
    assert_eq!(text(&changes.next().await.unwrap()), "synced");
    let more = tokio::time::timeout(Duration::from_secs(600), changes.next()).await;
    assert!(more.is_err(), "{more:?}");
}
