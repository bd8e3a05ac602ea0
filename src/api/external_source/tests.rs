//! No object that the API server can store may be unreadable, whatever schema it was stored under.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::api::crd;

/// The manifests of `tests/fixtures/manifests/{folder}` as (file name, text).
fn manifests(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifests").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (named(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn object(spec: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": "source.flux.oddkin.co/v1alpha1",
        "kind": "ExternalSource",
        "metadata": {"namespace": "default", "name": "hostile"},
    });
    object["spec"] = spec;
    object["status"] = status;
    object
}

fn read(spec: Value, status: Value) -> Result<ExternalSource, serde_json::Error> {
    serde_json::from_value(object(spec, status))
}

#[test]
fn what_the_api_server_admits_is_read() {
    let all: Vec<_> = ["accepted", "pruned"].into_iter().flat_map(manifests).collect();
    assert!(all.iter().filter(|(name, _)| name.starts_with("peer-")).count() >= 12, "the Go examples are missing");
    for (name, text) in all {
        let source: ExternalSource = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(source.spec.generator.kind, "http", "{name}");
        assert!(super::super::duration::parse(&source.spec.interval).is_ok(), "{name}");
    }
}

#[test]
fn the_samples_are_read_without_loss() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let documents: Vec<String> =
        files.flat_map(|text| text.split("\n---\n").map(str::to_owned).collect::<Vec<_>>()).collect();
    let sources: Vec<_> = documents.iter().filter(|text| text.contains("\nkind: ExternalSource\n")).collect();
    assert!(sources.len() >= 3, "only {} samples", sources.len());
    for text in sources {
        let written: Value = serde_saphyr::from_str(text).unwrap();
        let read: ExternalSource = serde_saphyr::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&read.spec).unwrap(), written["spec"]);
    }
}

#[test]
fn nothing_that_a_user_writes_is_lost() {
    let (_, text) = manifests("accepted").into_iter().find(|(name, _)| name == "everything.yaml").unwrap();
    let written: Value = serde_saphyr::from_str(&text).unwrap();
    let read: ExternalSource = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read.spec).unwrap(), written["spec"]);
}

#[test]
fn empty_strings_count_as_absent() {
    let (_, text) = manifests("accepted").into_iter().find(|(name, _)| name == "empty-strings.yaml").unwrap();
    let spec = serde_saphyr::from_str::<ExternalSource>(&text).unwrap().spec;
    let http = spec.generator.http.unwrap();
    assert_eq!((spec.destination_path, http.method, http.timeout), (None, None, None));
    assert_eq!(http.unpack.unwrap().path, None);
    assert_eq!(spec.hooks.unwrap().post_request[0].timeout, None);
}

/// Awkward values of the type that `schema` names; for objects, one with each awkward property.
fn awkward(schema: &Value) -> Vec<Value> {
    match schema["type"].as_str().unwrap() {
        "string" => vec![json!(""), json!("\0\u{1b}"), json!("-1h-5m"), json!("💣".repeat(5000))],
        "integer" => vec![json!(i64::MIN), json!(-1), json!(i64::MAX)],
        "boolean" => vec![json!(true), json!(false)],
        "array" => {
            let items = awkward(&schema["items"]);
            std::iter::once(json!([])).chain(items.into_iter().map(|item| json!([item.clone(), item]))).collect()
        }
        "object" => {
            let mut values = vec![json!({})];
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                values.extend(awkward(property).into_iter().map(|value| json!({name: value})));
            }
            if schema["additionalProperties"].is_object() {
                values.extend(awkward(&schema["additionalProperties"]).into_iter().map(|value| json!({"": value})));
            }
            values
        }
        other => panic!("the schema has a type {other} that this test does not know"),
    }
}

fn schema_of(part: &str) -> Value {
    let definition = serde_json::to_value(crd::definition()).unwrap();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part].clone()
}

#[test]
fn types_alone_decide_whether_an_object_can_be_read() {
    let specs = awkward(&schema_of("spec"));
    assert!(specs.len() > 80, "only {} specs", specs.len());
    for spec in specs {
        assert!(read(spec.clone(), json!({})).is_ok(), "{spec}");
    }
    for status in awkward(&schema_of("status")) {
        assert!(read(json!({}), status.clone()).is_ok(), "{status}");
    }
}

/// What only another schema could have let in: unreadable, with an error in place of a panic.
#[test]
fn values_of_the_wrong_type_are_errors() {
    let url = |url: Value| json!({"generator": {"type": "http", "http": {"url": url}}});
    for spec in [
        json!(null),
        json!("text"),
        json!({"interval": 10}),
        json!({"interval": null}),
        json!({"suspend": "true"}),
        json!({"destinationPath": ["a"]}),
        json!({"maxRetries": "3"}),
        json!({"maxRetries": 1.5}),
        json!({"maxRetries": 10_000_000_000_000_000_000_u64}),
        json!({"generator": null}),
        json!({"generator": {"type": 1}}),
        json!({"generator": {"type": "http", "http": "https://example.com"}}),
        url(json!({})),
        url(json!(null)),
        json!({"hooks": {"postRequest": {}}}),
        json!({"hooks": {"postRequest": [null]}}),
        json!({"hooks": {"postRequest": [{"args": [1]}]}}),
        json!({"hooks": {"postRequest": [{"env": {"A": "b"}}]}}),
        json!({"allowEmpty": 0}),
        json!({"transform": {"type": "cel", "expression": "data"}}),
        json!({"transform": [null]}),
        json!({"transform": ["."]}),
        json!({"assertions": [{"cel": true}]}),
        json!({"outputFiles": "true"}),
    ] {
        assert!(read(spec.clone(), json!({})).is_err(), "{spec}");
    }
}

/// The API server takes more for a time than RFC 3339 does: "+99:99", or any character before the fraction.
#[test]
fn a_status_that_cannot_be_read_counts_as_absent() {
    let good = json!({"type": "Ready", "status": "True", "reason": "Succeeded", "message": "m",
        "lastTransitionTime": "2025-01-01T00:00:00Z"});
    let mut bad = good.clone();
    bad["lastTransitionTime"] = json!("2025-01-01T00:00:00+99:99");
    for (status, conditions) in [
        (json!({"conditions": [bad, good], "artifact": {"lastUpdateTime": "yesterday"}}), 1),
        (json!({"conditions": {"Ready": "True"}, "artifact": "text"}), 0),
        (json!({"conditions": null, "artifact": null}), 0),
    ] {
        let read = read(json!({}), status).unwrap().status.unwrap();
        assert_eq!((read.conditions.len(), read.artifact), (conditions, None));
    }
}

#[test]
fn the_artifact_of_the_go_implementation_is_read() {
    let artifact = json!({"url": "http://a/b", "revision": "abc", "lastUpdateTime": "2025-01-01T00:00:00Z"});
    let read = read(json!({}), json!({"artifact": artifact})).unwrap().status.unwrap().artifact.unwrap();
    assert_eq!((read.revision.as_str(), read.digest.as_str(), read.size), ("abc", "", None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "-?[0-9]{1,30}(ms|s|m|h|d)?".prop_map(Value::from),
        "[0-9]{1,12}-[0-9]{2}-[0-9]{2}[tT ][0-9]{2}:[0-9]{2}:[0-9]{2}([,.][0-9]{0,30})?(Z|[+-][0-9]{2}:[0-9]{2})?"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,8}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Paths of all properties below `schema`, as JSON pointers.
fn pointers(prefix: &str, schema: &Value) -> Vec<String> {
    let mut found = vec![prefix.to_owned()];
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        found.extend(pointers(&format!("{prefix}/{name}"), property));
    }
    if schema["items"].is_object() {
        found.extend(pointers(&format!("{prefix}/0"), &schema["items"]));
    }
    found
}

/// Puts `value` at `pointer`, making objects and lists on the way.
fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut place = root;
    for name in pointer.split('/').skip(1) {
        place = if name == "0" {
            *place = json!([place.get(0).cloned().unwrap_or(json!({}))]);
            &mut place[0]
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            &mut place[name]
        };
    }
    *place = value;
}

proptest! {
    #[test]
    fn arbitrary_values_in_any_field_never_panic(pick in any::<prop::sample::Index>(), value in any_json()) {
        let mut all = pointers("/spec", &schema_of("spec"));
        all.extend(pointers("/status", &schema_of("status")));
        let pointer = pick.get(&all);
        let mut hostile = object(json!({}), json!({}));
        put(&mut hostile, pointer, value);
        let read = serde_json::from_value::<ExternalSource>(hostile.clone());
        let of_ours = ["/status/conditions", "/status/artifact"].iter().any(|part| pointer.starts_with(part));
        prop_assert!(read.is_ok() || !of_ours, "{hostile}");
        if let Ok(source) = read {
            let again = serde_json::from_value::<ExternalSource>(serde_json::to_value(&source).unwrap()).unwrap();
            prop_assert_eq!(source, again);
        }
    }
}
