//! From the text of a file to the objects in it: YAML documents of the kinds that we read, others passed over.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use kube::Resource as _;
use kube::api::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::store::SourceManifest;
use crate::api::{ExternalSource, ObjectName, is_dns_label, is_dns_subdomain};
use crate::digest::Hasher;
use crate::generators::Secret;

/// Where objects go that name no namespace, as with kubectl.
const NAMESPACE: &str = "default";

/// One object of a file.
#[derive(Debug, Clone)]
pub enum Manifest {
    /// An ExternalSource.
    Source(Box<SourceManifest>),
    /// A Secret.
    Secret(ObjectName, Secret),
}

impl Manifest {
    /// Kind and name, which no two objects share.
    pub fn identity(&self) -> (&'static str, ObjectName) {
        match self {
            Self::Source(source) => ("ExternalSource", source.name.clone()),
            Self::Secret(name, _) => ("Secret", name.clone()),
        }
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The objects with the lines on which they begin.
    pub manifests: Vec<(u64, Manifest)>,
    /// What is wrong, with the line where it is known; some objects may be missing then.
    pub errors: Vec<(Option<u64>, String)>,
    /// What looks wrong and stops nothing.
    pub warnings: Vec<(Option<u64>, String)>,
    /// Objects of kinds that we do not read.
    pub ignored: Vec<String>,
}

/// Reads a file of YAML documents. Messages never show values of Secrets.
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    if text.trim().is_empty() {
        // Probably caught between truncation and writing; deleting the file is how objects are removed.
        parsed.errors.push((None, "the file is empty".into()));
        return parsed;
    }
    match serde_saphyr::from_multiple::<Spanned<Value>>(text) {
        Ok(documents) => {
            for document in documents {
                read_document(document.referenced.line(), document.value, &mut parsed);
            }
        }
        Err(error) => {
            // Without the snippet, which could show a Secret.
            let line = error.location().map(|location| location.line());
            parsed.errors.push((line, format!("is no YAML that can be read: {}", first_line(error.without_snippet()))));
        }
    }
    parsed
}

fn read_document(line: u64, document: Value, parsed: &mut Parsed) {
    let text = |field: &str| document.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    match (api_version.as_str(), kind.as_str()) {
        ("v1", "List") => {
            let items = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            for item in items {
                read_document(line, item, parsed);
            }
        }
        ("v1", "Secret") => read_secret(line, document, parsed),
        (version, "ExternalSource") if version == ExternalSource::api_version(&()) => {
            read_source(line, &document, parsed);
        }
        (version, "ExternalSource") => {
            let known = ExternalSource::api_version(&());
            parsed.errors.push((Some(line), format!("ExternalSource of version {version:?}; must be {known:?}")));
        }
        ("", _) | (_, "") => parsed.errors.push((Some(line), "is no object: apiVersion or kind is missing".into())),
        _ => parsed.ignored.push(format!("{api_version} {kind}")),
    }
}

fn read_source(line: u64, document: &Value, parsed: &mut Parsed) {
    let (metadata, name) = match metadata(document) {
        Ok(found) => found,
        Err(message) => return parsed.errors.push((Some(line), format!("ExternalSource: {message}"))),
    };
    let (object, invalid) = match read::<ExternalSource>(document.clone()) {
        Ok(object) => {
            let unknown = unknown_fields(document, &object);
            let warning = |field| (Some(line), format!("ExternalSource {name}: unknown field {field} is ignored"));
            parsed.warnings.extend(unknown.into_iter().map(warning));
            (object, None)
        }
        Err(message) => (ExternalSource::default(), Some(message)),
    };
    if let Some(message) = &invalid {
        parsed.warnings.push((Some(line), format!("ExternalSource {name}: {message}")));
    }
    let source = SourceManifest {
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        spec: object.spec,
        invalid,
        name,
    };
    parsed.manifests.push((line, Manifest::Source(Box::new(source))));
}

fn read_secret(line: u64, document: Value, parsed: &mut Parsed) {
    let name = match metadata(&document) {
        Ok((_, name)) => name,
        Err(message) => return parsed.errors.push((Some(line), format!("Secret: {message}"))),
    };
    match serde_path_to_error::deserialize::<_, core::Secret>(document) {
        Ok(secret) => parsed.manifests.push((line, Manifest::Secret(name, contents(secret)))),
        // The error itself could quote a value.
        Err(error) => {
            let path = error.path().to_string();
            let message = format!("Secret {name}: {path}: values of data must be base64, those of stringData text");
            parsed.errors.push((Some(line), message));
        }
    }
}

/// The decoded values; `stringData` goes over `data`, as in the API server.
fn contents(secret: core::Secret) -> Secret {
    let mut data: BTreeMap<String, Vec<u8>> =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    data.extend(secret.string_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes())));
    let mut hasher = Hasher::default();
    for (key, value) in &data {
        for part in [key.as_bytes(), value] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Secret { version: hasher.finish().to_string(), data }
}

/// What has to be readable for the object to exist at all.
fn metadata(document: &Value) -> Result<(ObjectMeta, ObjectName), String> {
    let metadata = document.get("metadata").cloned().ok_or("metadata is missing")?;
    let metadata: ObjectMeta = read(metadata).map_err(|message| format!("metadata.{message}"))?;
    let name = metadata.name.clone().ok_or("metadata.name is missing")?;
    if !is_dns_subdomain(&name) {
        return Err(format!("metadata.name {name:?} must be lower-case letters, digits, dashes and dots"));
    }
    let namespace = metadata.namespace.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| NAMESPACE.into());
    if !is_dns_label(&namespace) {
        return Err(format!("metadata.namespace {namespace:?} must be lower-case letters, digits and dashes"));
    }
    let name = ObjectName::new(&namespace, &name);
    Ok((metadata, name))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        format!("{path}: {}", error.into_inner())
    })
}

/// Fields of the spec that the type does not have, which the API server would drop.
fn unknown_fields(document: &Value, object: &ExternalSource) -> Vec<String> {
    let mut unknown = Vec::new();
    let known = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(spec) = document.get("spec") {
        compare("spec", spec, &known, &mut unknown);
    }
    unknown
}

fn compare(path: &str, written: &Value, known: &Value, unknown: &mut Vec<String>) {
    match (written, known) {
        (Value::Object(written), Value::Object(known)) => {
            // Empty values are left out when the type is written back, so they say nothing.
            for (name, value) in written.iter().filter(|(_, value)| !is_empty(value)) {
                let path = format!("{path}.{name}");
                match known.get(name) {
                    Some(known) => compare(&path, value, known, unknown),
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(written), Value::Array(known)) => {
            for (i, (written, known)) in written.iter().zip(known).enumerate() {
                compare(&format!("{path}[{i}]"), written, known, unknown);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn first_line(error: &serde_saphyr::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
