//! Takes off the finalizer of the Go implementation, which would keep objects from being deleted.

use kube::ResourceExt as _;
use kube::api::{GetParams, Patch};
use serde_json::{Value, json};

use super::artifact::manager;
use super::call::{ApiServer, CallError, requests};
use super::objects;
use crate::api::{ExternalSource, LEGACY_FINALIZER, ObjectName};
use crate::catalog::CatalogError;

const ACTION: &str = "remove the old finalizer of the ExternalSource";

/// Removes [`LEGACY_FINALIZER`] and leaves every other finalizer. An object that is gone needs nothing.
pub(super) async fn remove_finalizer(api: &ApiServer, source: &ExternalSource) -> Result<(), CatalogError> {
    let (name, uid) = objects::identity(source);
    let version = source.resource_version().unwrap_or_default();
    let outcome = match patch(api, &name, &version, source.finalizers()).await {
        // The object has moved on since it was seen.
        Err(error) if error.code() == 409 => match current(api, &name).await {
            Ok(object) if objects::metadata_of(&object, "uid") == uid => {
                let version = objects::metadata_of(&object, "resourceVersion").to_owned();
                let object: ExternalSource = objects::read(ACTION, object)?;
                patch(api, &name, &version, object.finalizers()).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        },
        outcome => outcome,
    };
    match outcome {
        Err(error) if error.code() == 404 => Ok(()),
        outcome => outcome.map_err(|error| error.of(ACTION)),
    }
}

/// The list has no keys in a merge patch, so it is replaced as a whole, guarded by the resource version.
async fn patch(api: &ApiServer, name: &ObjectName, version: &str, finalizers: &[String]) -> Result<(), CallError> {
    let rest: Vec<_> = finalizers.iter().filter(|finalizer| *finalizer != LEGACY_FINALIZER).collect();
    if rest.len() == finalizers.len() {
        return Ok(());
    }
    let patch = json!({"metadata": {"resourceVersion": version, "finalizers": rest}});
    api.write(requests::<ExternalSource>(name).patch(&name.name, &manager(), &Patch::Merge(&patch))).await.map(|_| ())
}

async fn current(api: &ApiServer, name: &ObjectName) -> Result<Value, CallError> {
    api.read(requests::<ExternalSource>(name).get(&name.name, &GetParams::default())).await
}
