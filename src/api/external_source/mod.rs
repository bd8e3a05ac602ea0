//! `ExternalSource`, `source.flux.oddkin.co/v1alpha1`: what a user writes and what we report about it.
//!
//! The schema says what is required and well formed; the Rust types are as lenient as the API server's own types are
//! wide (integers are int64, durations are strings, nothing is required), so that objects stored under another schema
//! deserialize too. What the schema lets through and the controller cannot run ends as `Stalled`, with a message that
//! names the field.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, schema};

mod generator;
mod hooks;
mod status;
#[cfg(test)]
mod tests;
mod transform;

pub use generator::{GeneratorSpec, HttpGeneratorSpec, SecretKeyReference, SecretReference, Unpack};
pub use hooks::{EnvironmentVariable, Hook, Hooks};
pub use status::{Artifact, ExternalSourceStatus};
pub use transform::{Assertion, TransformStep};

/// What to fetch, how often, and what to do with it.
#[expect(clippy::duplicated_attributes, reason = "print columns of the same type")]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "source.flux.oddkin.co",
    version = "v1alpha1",
    kind = "ExternalSource",
    doc = "Fetches data from outside the cluster on an interval and delivers it to Flux as an ExternalArtifact of the \
           same name.",
    namespaced,
    status = "ExternalSourceStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "extsrc",
    category = "all",
    category = "fluxcd",
    category = "fluxcd-sources",
    annotation("kustomize.toolkit.fluxcd.io/substitute", "disabled"),
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.generator.http.url"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.artifact.revision"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend")
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSourceSpec {
    /// How often the origin is asked, as a Go duration ("10m", "1h30m"). The effective minimum is one minute.
    #[serde(default)]
    #[schemars(!default, length(max = schema::MAX_DURATION), regex(pattern = schema::DURATION))]
    pub interval: String,
    /// Stops reconciling; the condition and the artifact stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Where the data goes in the archive: a relative path. Default: the last segment of the URL's path if it has an
    /// extension, else "data".
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(max = schema::MAX_PATH), extend("x-kubernetes-validations" = schema::path()))]
    pub destination_path: Option<String>,
    /// Total number of retries over all hooks of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("default" = 3))]
    pub max_retries: Option<i64>,
    /// Commands that run before and after the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Conditions that all have to hold before an answer is used; until then, the last good artifact stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_ASSERTIONS))]
    pub assertions: Vec<Assertion>,
    /// What becomes of the answer after the hooks: steps in order, each over what the one before made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_STEPS))]
    pub transform: Vec<TransformStep>,
    /// How the result of `transform` is written: "json" (the default) or "yaml". Without `destinationPath`, YAML goes
    /// to a file whose name ends in .yaml.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(extend("enum" = ["json", "yaml"]))]
    pub output: Option<String>,
    /// The result of `transform` is an object of files, contents by path, and becomes the artifact's tree below
    /// `destinationPath`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_files: Option<bool>,
    /// Where the data comes from.
    #[serde(default)]
    #[schemars(!default)]
    pub generator: GeneratorSpec,
    /// Accept an empty answer or an empty tree. With `prune: true` Flux deletes what an empty artifact no longer names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_empty: Option<bool>,
}
