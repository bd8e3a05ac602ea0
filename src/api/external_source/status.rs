//! `status`: what the controller reports. The schema requires nothing here, so that a status which the Go
//! implementation or an older version wrote never stands in the way of an edit.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient;

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSourceStatus {
    /// Generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready always; Reconciling, Stalled and the phases only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::conditions")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What the ExternalArtifact advertises.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::or_absent")]
    pub artifact: Option<Artifact>,
    /// The handled value of `reconcile.fluxcd.io/requestedAt` on this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The handled value of `reconcile.fluxcd.io/requestedAt` on the ExternalArtifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_artifact_reconcile_at: Option<String>,
    /// The origin's ETag for the advertised content.
    #[serde(rename = "lastHandledETag", default, skip_serializing_if = "Option::is_none")]
    pub last_handled_etag: Option<String>,
    /// The origin's Last-Modified for the advertised content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_last_modified: Option<String>,
    /// A hash of the request that gave the advertised content, apart from what preRequest hooks made; validators count
    /// only for the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<String>,
}

/// Flux's description of a stored archive (<https://fluxcd.io/flux/components/source/externalartifacts/>), with
/// the generation of the spec that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where consumers download it.
    #[serde(default)]
    pub url: String,
    /// The storage key.
    #[serde(default)]
    pub path: String,
    /// `latest@sha256:<hex of the uncompressed tar>`.
    #[serde(default)]
    pub revision: String,
    /// `sha256:<hex of the tar.gz>`.
    #[serde(default)]
    pub digest: String,
    /// Size of the tar.gz in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// When this revision was first stored.
    #[serde(default = "epoch")]
    pub last_update_time: Time,
    /// Where the content came from, in OCI's annotation names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Generation of the spec that made it; absent on the ExternalArtifact, where it would mean nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

fn epoch() -> Time {
    Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH)
}
