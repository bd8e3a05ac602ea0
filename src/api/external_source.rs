//! `ExternalSource`, `source.flux.oddkin.co/v1alpha1`: what a user writes and what we report about it.
//!
//! Every field is as lenient as the API server's own types are wide (integers are int64, durations are strings), so
//! that no stored object can fail to deserialize; what the schema lets through and the controller cannot run ends as
//! `Stalled`, with a message that names the field.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to fetch, how often, and what to do with it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.flux.oddkin.co",
    version = "v1alpha1",
    kind = "ExternalSource",
    namespaced,
    status = "ExternalSourceStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "extsrc",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources"
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSourceSpec {
    /// How often the origin is asked, as a Go duration ("10m", "1h30m"). The effective minimum is one minute.
    #[serde(default)]
    pub interval: String,
    /// Stops reconciling; the condition and the artifact stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Where the data goes in the archive: a relative path. Default: the last segment of the URL's path if it has an
    /// extension, else "data".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_path: Option<String>,
    /// Total number of retries over all hooks of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i64>,
    /// Commands that run before and after the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Where the data comes from.
    #[serde(default)]
    pub generator: GeneratorSpec,
    /// Accept an empty answer or an empty tree. With `prune: true` Flux deletes what an empty artifact no longer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_empty: Option<bool>,
}

/// Where the data comes from: `type` names the sub-object that says how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorSpec {
    /// The kind of generator.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Settings of the `http` generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpGeneratorSpec>,
}

/// An HTTP request whose answer is the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpGeneratorSpec {
    /// The address, http or https.
    #[serde(default)]
    pub url: String,
    /// The request method; GET when absent. Only GET requests are conditional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A Secret of the same namespace; each key is a header name, each value its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_secret_ref: Option<SecretReference>,
    /// A Secret of the same namespace with the PEM bundle of the authorities to trust instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle_secret_ref: Option<SecretKeyReference>,
    /// Accept any server certificate. Ignored when a CA bundle is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insecure_skip_verify: Option<bool>,
    /// Time limit of the whole request, as a Go duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The answer is an archive whose tree becomes the artifact's tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpack: Option<Unpack>,
}

/// How to read an answer that is an archive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unpack {
    /// The archive's format: "tar.gz" or "zip".
    #[serde(default)]
    pub format: String,
    /// Number of leading path segments to take off every entry, as `tar --strip-components` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strip_components: Option<i64>,
    /// Only the tree below this path becomes the artifact's; applied after `stripComponents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A Secret of the object's own namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Name of the Secret.
    #[serde(default)]
    pub name: String,
}

/// One key of a Secret of the object's own namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyReference {
    /// Name of the Secret.
    #[serde(default)]
    pub name: String,
    /// The key; "ca.crt" when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Commands that run before and after the request, each piped into the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Run before the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_request: Vec<Hook>,
    /// Run over the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_request: Vec<Hook>,
}

/// One whitelisted command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// What messages call it.
    #[serde(default)]
    pub name: String,
    /// The command, by its exact name in the whitelist.
    #[serde(default)]
    pub command: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Time limit, as a Go duration; 30s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What a failure means: "ignore", "retry" or "fail" (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<String>,
    /// The command's whole environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvironmentVariable>,
}

/// One variable of a hook's environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentVariable {
    /// Name of the variable.
    #[serde(default)]
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// What the controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSourceStatus {
    /// Generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready always; Reconciling, Stalled and the phases only while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What the ExternalArtifact advertises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// A hash of the effective request that gave the advertised content; validators count only for the same request.
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
