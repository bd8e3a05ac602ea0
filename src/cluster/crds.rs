//! Whether the API server serves the kinds that we work with.

use kube::Resource;
use serde_json::Value;

use super::call::{ApiServer, CallError, Request};
use crate::api::{ExternalArtifact, ExternalSource};
use crate::catalog::CatalogError;

/// A kind is not served, or that cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum CrdError {
    /// Our own definition is missing.
    #[error("ExternalSource CRD (source.flux.oddkin.co/v1alpha1) is not installed: apply the CRD of this release")]
    NoExternalSource,
    /// Flux's definition is missing.
    #[error("ExternalArtifact CRD (source.toolkit.fluxcd.io/v1) is not installed: install Flux >= 2.7")]
    NoExternalArtifact,
    /// The API server could not be asked.
    #[error(transparent)]
    Unknown(#[from] CatalogError),
}

/// Checks that both kinds are served, through discovery, which every authenticated account may read.
pub(super) async fn check(api: &ApiServer) -> Result<(), CrdError> {
    if !is_served::<ExternalSource>(api).await? {
        return Err(CrdError::NoExternalSource);
    }
    if !is_served::<ExternalArtifact>(api).await? {
        return Err(CrdError::NoExternalArtifact);
    }
    Ok(())
}

async fn is_served<K: Resource<DynamicType = ()>>(api: &ApiServer) -> Result<bool, CatalogError> {
    match api.read(discovery::<K>()).await {
        Ok(answer) => {
            let resources = answer["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names = |resource: &Value| resource["name"].as_str() == Some(&*K::plural(&()));
            Ok(resources.iter().any(names))
        }
        Err(error) if error.code() == 404 => Ok(false),
        Err(error) => Err(CallError::of(error, "ask the API server for its kinds")),
    }
}

fn discovery<K: Resource<DynamicType = ()>>() -> Request {
    let path = format!("/apis/{}", K::api_version(&()));
    http::Request::get(path).body(Vec::new()).map_err(kube::core::request::Error::BuildRequest)
}
