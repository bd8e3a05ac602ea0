//! The checked-in files are what the types say, and the schema says what the API promises.

use std::path::Path;

use super::*;

mod fields;

/// One command writes all of them: `UPDATE_GENERATED=1 cargo test --lib checked_in` (`just generate`).
const FILES: [&str; 2] = [
    "deploy/crds/source.flux.oddkin.co_externalsources.yaml",
    "helm/flux-externalsource-controller/files/source.flux.oddkin.co_externalsources.yaml",
];

#[test]
fn the_checked_in_definitions_are_current() {
    let wanted = yaml().unwrap();
    for file in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{file} is not what the types say; `just generate` writes it anew");
    }
}

#[test]
fn the_yaml_says_what_the_definition_says() {
    let back: CustomResourceDefinition = serde_saphyr::from_str(&yaml().unwrap()).unwrap();
    assert_eq!(back, definition());
}

/// The schema at `path` below `spec.versions[0].schema.openAPIV3Schema`; `[]` goes into a list's items.
fn at(path: &str) -> Value {
    let definition = definition();
    let schema = definition.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
    let mut found = serde_json::to_value(schema).unwrap();
    for name in path.split('.') {
        found = match name.strip_suffix("[]") {
            Some(name) => found["properties"][name]["items"].take(),
            None => found["properties"][name].take(),
        };
    }
    assert!(found.is_object(), "no schema at {path}");
    found
}

#[test]
fn exactly_the_fields_without_a_sensible_default_are_required() {
    let required = |path: &str| at(path)["required"].clone();
    assert_eq!(required("spec"), json!(["generator", "interval"]));
    assert_eq!(required("spec.generator"), json!(["type"]));
    assert_eq!(required("spec.generator.http"), json!(["url"]));
    assert_eq!(required("spec.generator.http.headersSecretRef"), json!(["name"]));
    assert_eq!(required("spec.generator.http.caBundleSecretRef"), json!(["name"]));
    assert_eq!(required("spec.generator.http.unpack"), json!(["format"]));
    assert_eq!(required("spec.assertions[]"), json!(["cel"]));
    assert_eq!(required("spec.transform[]"), Value::Null);
    assert_eq!(required("spec.hooks"), Value::Null);
    assert_eq!(required("spec.hooks.postRequest[]"), json!(["command", "name"]));
    assert_eq!(required("spec.hooks.postRequest[].env[]"), json!(["name", "value"]));
    assert_eq!(required("status"), Value::Null);
    assert_eq!(required("status.artifact"), Value::Null);
}

/// Every schema of the definition with its path.
fn all() -> Vec<(String, Value)> {
    fn walk(path: String, schema: &Value, found: &mut Vec<(String, Value)>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(format!("{path}.{name}"), property, found);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                walk(format!("{path}.{inner}"), &schema[inner], found);
            }
        }
        found.push((path, schema.clone()));
    }
    let mut found = Vec::new();
    walk("spec".to_owned(), &at("spec"), &mut found);
    walk("status".to_owned(), &at("status"), &mut found);
    found
}

#[test]
fn only_the_promised_defaults_are_written_into_objects() {
    let mut defaults: Vec<_> =
        all().into_iter().filter(|(_, s)| !s["default"].is_null()).map(|(p, s)| (p, s["default"].clone())).collect();
    defaults.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("spec.generator.http.caBundleSecretRef.key", json!("ca.crt")),
        ("spec.generator.http.method", json!("GET")),
        ("spec.hooks.postRequest.items.retryPolicy", json!("fail")),
        ("spec.hooks.postRequest.items.timeout", json!("30s")),
        ("spec.hooks.preRequest.items.retryPolicy", json!("fail")),
        ("spec.hooks.preRequest.items.timeout", json!("30s")),
        ("spec.maxRetries", json!(3)),
        ("status", json!({"observedGeneration": -1})),
    ];
    assert_eq!(defaults, expected.map(|(path, value)| (path.to_owned(), value)));
}

#[test]
fn every_field_of_the_spec_is_bounded_and_described() {
    for (path, schema) in all().into_iter().filter(|(path, _)| path.starts_with("spec")) {
        let bound = match schema["type"].as_str() {
            Some("string") if schema["enum"].is_array() => continue,
            Some("string") => "maxLength",
            Some("array") => "maxItems",
            Some("integer") => "minimum",
            Some("object" | "boolean") => "type",
            other => panic!("{path} is of type {other:?}"),
        };
        assert!(!schema[bound].is_null(), "{path} has no {bound}");
        assert!(
            schema["description"].is_string() || path.rsplit('.').next() == Some("items"),
            "{path} has no description"
        );
    }
}

#[test]
fn null_is_no_value_of_any_field() {
    assert!(all().into_iter().all(|(_, schema)| schema["nullable"].is_null()));
}

#[test]
fn conditions_merge_by_their_type() {
    let conditions = at("status.conditions");
    assert_eq!(conditions["x-kubernetes-list-type"], "map");
    assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
}

#[test]
fn names_columns_and_annotations_are_what_users_of_flux_expect() {
    let definition = definition();
    assert_eq!(definition.spec.names.short_names, Some(vec!["extsrc".to_owned()]));
    assert_eq!(definition.spec.names.categories, Some(["all", "fluxcd", "fluxcd-sources"].map(str::to_owned).to_vec()));
    let annotations = definition.metadata.annotations.unwrap();
    assert_eq!(annotations["kustomize.toolkit.fluxcd.io/substitute"], "disabled");
    let version = &definition.spec.versions[0];
    let columns: Vec<_> =
        version.additional_printer_columns.iter().flatten().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["URL", "Ready", "Status", "Revision", "Age", "Suspended"]);
    assert!(version.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some()));
}
