//! Reads the one ConfigMap that may hold settings.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::GetParams;

use super::call::{ApiServer, requests};
use crate::api::ObjectName;
use crate::catalog::CatalogError;

const ACTION: &str = "read the ConfigMap";

/// Its data; `None` when there is none of this name.
pub(super) async fn read(api: &ApiServer, name: &ObjectName) -> Result<Option<BTreeMap<String, String>>, CatalogError> {
    match api.read(requests::<ConfigMap>(name).get(&name.name, &GetParams::default())).await {
        Ok(answer) => serde_json::from_value::<ConfigMap>(answer)
            .map(|found| Some(found.data.unwrap_or_default()))
            .map_err(|_| CatalogError::Unavailable { action: ACTION, message: "the answer is no ConfigMap".into() }),
        Err(error) if error.code() == 404 => Ok(None),
        Err(error) => Err(error.of(ACTION)),
    }
}
