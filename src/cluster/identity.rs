//! What tells this cluster from every other: the uid of its namespace `kube-system`, which lives as long as the cluster
//! does and which OpenTelemetry uses too
//! (<https://opentelemetry.io/docs/specs/semconv/resource/k8s/#cluster>).

use k8s_openapi::api::core::v1::Namespace;
use kube::Resource as _;
use kube::api::GetParams;
use kube::core::request;

use super::call::ApiServer;
use super::objects;
use crate::catalog::CatalogError;

const ACTION: &str = "read the uid of the namespace kube-system";

/// The uid; `None` when this account may not read it, or there is no such namespace.
pub(super) async fn read(api: &ApiServer) -> Result<Option<String>, CatalogError> {
    let get = request::Request::new(Namespace::url_path(&(), None)).get("kube-system", &GetParams::default());
    match api.read(get).await {
        Ok(namespace) => {
            let uid = objects::metadata_of(&namespace, "uid");
            Ok((!uid.is_empty()).then(|| uid.to_owned()))
        }
        Err(error) if matches!(error.code(), 403 | 404) => Ok(None),
        Err(error) => Err(error.of(ACTION)),
    }
}
