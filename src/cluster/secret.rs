//! Reads Secrets by name, one at a time; none is cached and no text of ours quotes one.

use k8s_openapi::api::core::v1::Secret as KubernetesSecret;
use kube::api::GetParams;

use super::call::{ApiServer, requests};
use crate::api::ObjectName;
use crate::catalog::CatalogError;
use crate::generators::Secret;

const ACTION: &str = "read the Secret";

/// The Secret as it is now; `None` when there is none of this name.
pub(super) async fn read(api: &ApiServer, namespace: &str, name: &str) -> Result<Option<Secret>, CatalogError> {
    let object = ObjectName::new(namespace, name);
    match api.read(requests::<KubernetesSecret>(&object).get(name, &GetParams::default())).await {
        Ok(answer) => serde_json::from_value(answer)
            .map(|secret| Some(convert(secret)))
            .map_err(|_| CatalogError::Unavailable { action: ACTION, message: "the answer is no Secret".into() }),
        Err(error) if error.code() == 404 => Ok(None),
        Err(error) => Err(error.of(ACTION)),
    }
}

/// The version names one state of one object, and tells nothing about the data.
fn convert(secret: KubernetesSecret) -> Secret {
    let version = |metadata: kube::core::ObjectMeta| {
        format!("{}/{}", metadata.uid.unwrap_or_default(), metadata.resource_version.unwrap_or_default())
    };
    let data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    Secret { version: version(secret.metadata), data }
}
