//! Objects as we keep them: readable whatever the API server stores, and without what only costs memory.

use kube::core::DeserializeGuard;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::without_quotes;
use crate::api::ObjectName;
use crate::catalog::CatalogError;

/// A whole copy of the object, written by `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object, and why it cannot be read; then it is its metadata over an empty spec.
pub(super) fn accept<K: Resource + Default>(guard: DeserializeGuard<K>) -> (K, Option<String>) {
    let (mut object, invalid) = match guard.0 {
        Ok(object) => (object, None),
        Err(invalid) => {
            let mut object = K::default();
            *object.meta_mut() = invalid.metadata;
            (object, Some(without_quotes(&invalid.error)))
        }
    };
    strip(&mut object);
    (object, invalid)
}

/// The object in an answer.
pub(super) fn read<K>(action: &'static str, answer: Value) -> Result<K, CatalogError>
where
    K: Resource + Default + DeserializeOwned,
{
    match serde_json::from_value(answer) {
        Ok(guard) => Ok(accept(guard).0),
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

fn strip<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.annotations = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::ExternalSource;

    #[test]
    fn what_only_costs_memory_is_left_out() {
        let object = json!({"metadata": {
            "name": "a",
            "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
            "managedFields": [{"manager": "kubectl"}],
        }, "spec": {"interval": "5m", "generator": {"type": "http"}}});
        let (source, invalid) = accept::<ExternalSource>(serde_json::from_value(object).unwrap());
        assert_eq!(invalid, None);
        assert_eq!(source.metadata.managed_fields, None);
        assert_eq!(source.annotations().keys().collect::<Vec<_>>(), ["kept"]);
        assert_eq!(source.spec.interval, "5m");
    }

    #[test]
    fn an_unreadable_object_keeps_its_metadata_and_says_why() {
        let object = json!({"metadata": {"name": "a", "namespace": "ns", "uid": "u", "generation": 3},
            "spec": {"generator": {"http": "https://user:hunter2@host"}}});
        let (source, invalid) = accept::<ExternalSource>(serde_json::from_value(object).unwrap());
        assert_eq!(identity(&source), (ObjectName::new("ns", "a"), "u".to_owned()));
        assert_eq!(source.spec, <_>::default());
        let invalid = invalid.unwrap();
        assert!(invalid.contains("invalid type") && !invalid.contains("hunter2"), "{invalid}");
    }
}
