//! Writes statuses: server-side apply, then at most one patch that takes away what others left there.

use std::sync::Arc;

use kube::api::{GetParams, Patch};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::artifact::{manager, managers_of, params};
use super::call::{ApiServer, CallError, requests};
use super::objects;
use crate::api::{ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, ObjectName};
use crate::catalog::{CatalogError, is_artifact_of, owner_of};

const APPLY_SOURCE: &str = "apply the ExternalSource's status";
const APPLY_ARTIFACT: &str = "apply the ExternalArtifact's status";

/// Makes `status` the source's. The write is guarded by the resource version that the caller knows, because the API
/// server does not look at a uid in a status; when the object has moved on, its uid decides whether it is the same.
pub(super) async fn apply_to_source(
    api: &ApiServer,
    source: &ExternalSource,
    status: &ExternalSourceStatus,
) -> Result<Arc<ExternalSource>, CatalogError> {
    let (name, uid) = objects::identity(source);
    let wanted = to_value(APPLY_SOURCE, status)?;
    let version = source.resource_version().unwrap_or_default();
    let answer = match apply::<ExternalSource>(api, &name, &version, &wanted).await {
        Err(error) if error.code() == 409 => {
            let current = current(api, &name, &uid).await?;
            let version = objects::metadata_of(&current, "resourceVersion");
            apply::<ExternalSource>(api, &name, version, &wanted).await
        }
        // An apply needs an object of the definition's shape: for one that an older definition let in otherwise, the
        // API server fails. A patch is judged only by what it changes, so it says the whole difference.
        Err(error) if error.code() == 500 => Ok(current(api, &name, &uid).await?),
        answer => answer,
    };
    let answer = answer.map_err(|error| error.of(APPLY_SOURCE))?;
    if objects::metadata_of(&answer, "uid") != uid {
        return Err(CatalogError::Gone);
    }
    let object = sweep::<ExternalSource>(api, &name, answer, &wanted, APPLY_SOURCE).await?;
    objects::read(APPLY_SOURCE, object).map(Arc::new)
}

/// Makes `status` the ExternalArtifact's. One that turns out to be another's, or the one of another source of this
/// name, is reported; its owner repairs the status.
pub(super) async fn apply_to_artifact(
    api: &ApiServer,
    source: &ExternalSource,
    status: &ExternalArtifactStatus,
) -> Result<Arc<ExternalArtifact>, CatalogError> {
    let (name, uid) = objects::identity(source);
    let wanted = to_value(APPLY_ARTIFACT, status)?;
    let answer = apply::<ExternalArtifact>(api, &name, "", &wanted).await;
    let answer = answer.map_err(|error| error.of(APPLY_ARTIFACT))?;
    let managers = managers_of(&answer);
    let object: ExternalArtifact = objects::read(APPLY_ARTIFACT, answer.clone())?;
    if !is_artifact_of(&object, &name) {
        return Err(CatalogError::Foreign { owner: owner_of(&object, &managers) });
    }
    let mut controllers = object.owner_references().iter().filter(|owner| owner.controller == Some(true));
    if controllers.any(|owner| owner.uid != uid) {
        return Err(CatalogError::Gone);
    }
    let object = sweep::<ExternalArtifact>(api, &name, answer, &wanted, APPLY_ARTIFACT).await?;
    objects::read(APPLY_ARTIFACT, object).map(Arc::new)
}

async fn apply<K: Resource<DynamicType = ()>>(
    api: &ApiServer,
    name: &ObjectName,
    resource_version: &str,
    status: &Value,
) -> Result<Value, CallError> {
    let mut body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": *name.name, "namespace": *name.namespace},
        "status": status,
    });
    if !resource_version.is_empty() {
        body["metadata"]["resourceVersion"] = resource_version.into();
    }
    api.write(requests::<K>(name).patch_subresource("status", &name.name, &params(true), &Patch::Apply(&body))).await
}

/// The source as it is now, if it is still the one with this uid.
async fn current(api: &ApiServer, name: &ObjectName, uid: &str) -> Result<Value, CatalogError> {
    let request = requests::<ExternalSource>(name).get(&name.name, &GetParams::default());
    let object = api.read(request).await.map_err(|error| error.of(APPLY_SOURCE))?;
    if objects::metadata_of(&object, "uid") != uid {
        return Err(CatalogError::Gone);
    }
    Ok(object)
}

/// Takes away what the answer's status has beyond the wanted one: an apply leaves alone what other managers own. After
/// an apply the patch only removes, so that it makes us the owner of nothing that a later apply could not take back.
async fn sweep<K: Resource<DynamicType = ()>>(
    api: &ApiServer,
    name: &ObjectName,
    answer: Value,
    wanted: &Value,
    action: &'static str,
) -> Result<Value, CatalogError> {
    let Some(removal) = difference(&answer["status"], wanted) else { return Ok(answer) };
    let version = objects::metadata_of(&answer, "resourceVersion");
    let patch = json!({"metadata": {"resourceVersion": version}, "status": removal});
    let request = requests::<K>(name).patch_subresource("status", &name.name, &manager(), &Patch::Merge(&patch));
    api.write(request).await.map_err(|error| error.of(action))
}

/// The JSON merge patch (RFC 7396) from `current` to `wanted`; `None` when there is nothing to do. The order of
/// conditions means nothing.
fn difference(current: &Value, wanted: &Value) -> Option<Value> {
    match (current, wanted) {
        (Value::Object(current), Value::Object(wanted)) => {
            let gone = current.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), Value::Null));
            let changed = wanted.iter().filter_map(|(key, value)| {
                difference(current.get(key).unwrap_or(&Value::Null), value).map(|patch| (key.clone(), patch))
            });
            let patch: Map<_, _> = gone.chain(changed).collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        (Value::Array(current), Value::Array(other)) if same_elements(current, other) => None,
        (Value::Null, Value::Object(wanted)) if wanted.is_empty() => None,
        _ => (current != wanted).then(|| wanted.clone()),
    }
}

fn same_elements(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().all(|element| other.contains(element))
}

fn to_value<S: Serialize>(action: &'static str, status: &S) -> Result<Value, CatalogError> {
    serde_json::to_value(status)
        .map_err(|error| CatalogError::Refused { action, message: format!("the status cannot be written: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_left_over_is_patched() {
        let (ready, old) = (json!({"type": "Ready", "status": "True"}), json!({"type": "Old", "status": "True"}));
        let table = [
            (json!({}), json!({}), None),
            (json!(null), json!({}), None),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), Some(json!({"b": null}))),
            (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1}}), Some(json!({"a": {"y": null}}))),
            (json!({"c": [ready, old]}), json!({"c": [old, ready]}), None),
            (json!({"c": [ready, old]}), json!({"c": [ready]}), Some(json!({"c": [ready]}))),
            (json!({"c": [ready]}), json!({}), Some(json!({"c": null}))),
        ];
        for (current, wanted, expected) in table {
            assert_eq!(difference(&current, &wanted), expected, "{current} to {wanted}");
        }
    }
}
