//! Writes the metadata and spec of an ExternalArtifact, and takes over nothing.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;
use kube::api::{GetParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::call::{ApiServer, CallError, requests};
use super::objects;
use crate::api::{ExternalArtifact, ExternalSource, FIELD_MANAGER, ObjectName};
use crate::catalog::{CatalogError, desired_artifact, is_artifact_of, owner_of, owner_reference};

const APPLY: &str = "apply the ExternalArtifact";

/// Creates the source's ExternalArtifact or puts it right: one request, unless somebody else has written our fields.
/// Then the object is read, and taken back only when it is ours.
pub(super) async fn apply(api: &ApiServer, source: &ExternalSource) -> Result<Arc<ExternalArtifact>, CatalogError> {
    let name = ObjectName::of(source);
    let wanted = desired_artifact(source);
    match api.write(requests::<ExternalArtifact>(&name).patch(&name.name, &params(false), &Patch::Apply(&wanted))).await
    {
        Ok(object) => objects::read(APPLY, object).map(Arc::new),
        // Conflict: others manage the fields. Invalid: there would be a second controller.
        Err(error) if matches!(error.code(), 409 | 422) => take_back(api, source, &wanted, error).await,
        Err(error) => Err(error.of(APPLY)),
    }
}

/// Applies by force what is ours, such as an object that was edited, or restored from a backup under another owner uid.
async fn take_back(
    api: &ApiServer,
    source: &ExternalSource,
    wanted: &ExternalArtifact,
    refusal: CallError,
) -> Result<Arc<ExternalArtifact>, CatalogError> {
    let name = ObjectName::of(source);
    let requests = requests::<ExternalArtifact>(&name);
    let found =
        api.read(requests.get(&name.name, &GetParams::default())).await.map_err(|error| match error.code() {
            404 => CatalogError::Unavailable { action: APPLY, message: "it was deleted meanwhile".into() },
            _ => error.of(APPLY),
        })?;
    let managers = managers_of(&found);
    let resource_version = objects::metadata_of(&found, "resourceVersion").to_owned();
    let found: ExternalArtifact = objects::read(APPLY, found)?;
    if !is_artifact_of(&found, &name) {
        return Err(CatalogError::Foreign { owner: owner_of(&found, &managers) });
    }
    if let Some(references) = without_strange_controllers(&found, source) {
        // Force does not help against the reference of another manager: it is a list entry of its own.
        let patch = json!({"metadata": {"resourceVersion": resource_version, "ownerReferences": references}});
        let request = requests.patch(&name.name, &manager(), &Patch::Merge(&patch));
        api.write(request).await.map_err(|error| error.of(APPLY))?;
    } else if refusal.code() == 422 {
        return Err(refusal.of(APPLY));
    }
    let request = requests.patch(&name.name, &params(true), &Patch::Apply(wanted));
    let object = api.write(request).await.map_err(|error| error.of(APPLY))?;
    objects::read(APPLY, object).map(Arc::new)
}

/// The owner references with ours as the only controller, when there is another one.
fn without_strange_controllers(artifact: &ExternalArtifact, source: &ExternalSource) -> Option<Vec<OwnerReference>> {
    let ours = owner_reference(source);
    let is_strange = |owner: &OwnerReference| owner.controller == Some(true) && owner.uid != ours.uid;
    let owners = artifact.owner_references();
    owners.iter().any(is_strange).then(|| {
        let others = owners.iter().filter(|owner| !is_strange(owner) && owner.uid != ours.uid).cloned();
        others.chain([ours.clone()]).collect()
    })
}

/// The field managers that wrote the object itself, not its status.
pub(super) fn managers_of(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_object = entries.iter().filter(|entry| entry["subresource"].as_str().is_none_or(str::is_empty));
    let mut managers: Vec<_> = of_object.filter_map(|entry| entry["manager"].as_str()).map(str::to_owned).collect();
    managers.dedup();
    managers
}

/// Parameters of a server-side apply.
pub(super) fn params(force: bool) -> PatchParams {
    PatchParams { force, ..manager() }
}

/// Parameters of any other patch.
pub(super) fn manager() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}
