//! Flux's `ExternalArtifact`, `source.toolkit.fluxcd.io/v1`, as its consumers read it
//! (<https://fluxcd.io/flux/components/source/externalartifacts/>). Flux installs the definition; we only write objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Artifact, lenient};

/// Says which object produces the artifact.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.toolkit.fluxcd.io",
    version = "v1",
    kind = "ExternalArtifact",
    namespaced,
    status = "ExternalArtifactStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalArtifactSpec {
    /// The producer; `flux trace` fails without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceReference>,
}

/// The object that produces an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceReference {
    /// Group and version of the producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the producer.
    #[serde(default)]
    pub kind: String,
    /// Name of the producer.
    #[serde(default)]
    pub name: String,
    /// Namespace of the producer; the artifact's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What consumers act on: they download `artifact` whenever its revision changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalArtifactStatus {
    /// The archive to download.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::or_absent")]
    pub artifact: Option<Artifact>,
    /// Ready, as on the parent.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::conditions")]
    pub conditions: Vec<Condition>,
}
