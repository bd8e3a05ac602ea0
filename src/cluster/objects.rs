//! Objects as we keep them: readable whatever the API server stores, and without what only costs memory.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::errors::without_quotes;
use crate::api::ObjectName;
use crate::catalog::CatalogError;

/// A whole copy of the object, written by `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that can be read whatever its spec says, so that one that cannot be understood does not stop the list of
/// all. Unlike kube's `DeserializeGuard`, it keeps the status then: whoever has to write it must know what is there.
#[derive(Debug, Clone)]
pub(super) struct Lenient<K> {
    /// The object; with an empty spec when `invalid`.
    pub(super) object: K,
    /// Why it cannot be understood.
    pub(super) invalid: Option<String>,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Lenient<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        strip(&mut value);
        let error = match K::deserialize(&value) {
            Ok(object) => return Ok(Self { object, invalid: None }),
            Err(error) => error,
        };
        let invalid = Some(without_quotes(&error.to_string()));
        value["spec"] = json!({});
        if let Ok(object) = K::deserialize(&value) {
            return Ok(Self { object, invalid });
        }
        value["status"] = Value::Null;
        K::deserialize(value).map(|object| Self { object, invalid }).map_err(D::Error::custom)
    }
}

impl<K: Resource> Resource for Lenient<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dynamic)
    }

    fn group(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dynamic)
    }

    fn version(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dynamic)
    }

    fn plural(dynamic: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        self.object.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.object.meta_mut()
    }
}

fn strip(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    metadata.remove("managedFields");
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.remove(LAST_APPLIED);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// The object in an answer.
pub(super) fn read<K: DeserializeOwned>(action: &'static str, answer: Value) -> Result<K, CatalogError> {
    match serde_json::from_value::<Lenient<K>>(answer) {
        Ok(lenient) => Ok(lenient.object),
        Err(_) => Err(CatalogError::Unavailable { action, message: "the answer is no Kubernetes object".into() }),
    }
}

/// The namespace and name of an object, and its uid.
pub(super) fn identity<K: Resource>(object: &K) -> (ObjectName, String) {
    (ObjectName::of(object), object.uid().unwrap_or_default())
}

/// A string of the object's metadata, such as its uid; empty when there is none.
pub(super) fn metadata_of<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ExternalSource;

    fn lenient(object: Value) -> Lenient<ExternalSource> {
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_only_costs_memory_is_left_out() {
        let read = lenient(json!({"metadata": {
            "name": "a",
            "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
            "managedFields": [{"manager": "kubectl"}],
        }, "spec": {"interval": "5m", "generator": {"type": "http"}}}));
        assert_eq!(read.invalid, None);
        assert_eq!(read.object.metadata.managed_fields, None);
        assert_eq!(read.annotations().keys().collect::<Vec<_>>(), ["kept"]);
        assert_eq!(read.object.spec.interval, "5m");
        let bare = lenient(json!({"metadata": {"annotations": {LAST_APPLIED: "{}"}}, "spec": {}}));
        assert_eq!(bare.object.metadata.annotations, None);
    }

    #[test]
    fn an_unreadable_object_keeps_its_metadata_and_status_and_says_why() {
        let mut object = json!({"metadata": {"name": "a", "namespace": "ns", "uid": "u", "generation": 3},
            "spec": {"generator": {"http": "https://user:hunter2@host"}}, "status": {"observedGeneration": 2}});
        let read = lenient(object.clone());
        assert_eq!(identity(&read), (ObjectName::new("ns", "a"), "u".to_owned()));
        assert_eq!(read.object.spec, <_>::default());
        assert_eq!(read.object.status.and_then(|status| status.observed_generation), Some(2));
        let invalid = read.invalid.unwrap();
        assert!(invalid.contains("invalid type") && !invalid.contains("hunter2"), "{invalid}");

        object["status"] = json!("nonsense");
        let read = lenient(object);
        assert_eq!((read.object.metadata.generation, read.object.status), (Some(3), None));
    }
}
