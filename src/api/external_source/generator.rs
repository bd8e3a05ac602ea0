//! `spec.generator`: where the data comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, schema};

/// Where the data comes from: `type` names the sub-object that says how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::generator()))]
pub struct GeneratorSpec {
    /// The kind of generator; the sub-object of the same name is required.
    #[serde(rename = "type", default)]
    #[schemars(!default, extend("enum" = ["http"]))]
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
    #[schemars(!default, url, length(max = schema::MAX_URL), regex(pattern = schema::URL))]
    pub url: String,
    /// The request method. Only GET requests are conditional.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(max = schema::MAX_METHOD), regex(pattern = schema::METHOD), extend("default" = "GET"))]
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
    /// Time limit of the whole request, as a Go duration. Without it only connecting, the headers and each wait for
    /// more data are limited.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(max = schema::MAX_DURATION), regex(pattern = schema::OPTIONAL_DURATION))]
    pub timeout: Option<String>,
    /// The output of the last preRequest hook is JSON with `headers`, `query` and `body` for the request. When false, it
    /// is the request's body, if the method takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_pre_request: Option<bool>,
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
    #[schemars(!default, extend("enum" = ["tar.gz", "zip"]))]
    pub format: String,
    /// Number of leading path segments to take off every entry, as `tar --strip-components` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = schema::MAX_STRIP))]
    pub strip_components: Option<i64>,
    /// Only the tree below this path becomes the artifact's; applied after `stripComponents`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(max = schema::MAX_PATH), extend("x-kubernetes-validations" = schema::path()))]
    pub path: Option<String>,
}

/// A Secret of the object's own namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Name of the Secret.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_NAME), regex(pattern = schema::OBJECT_NAME))]
    pub name: String,
}

/// One key of a Secret of the object's own namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyReference {
    /// Name of the Secret.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_NAME), regex(pattern = schema::OBJECT_NAME))]
    pub name: String,
    /// The key that holds the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = schema::MAX_NAME),
        regex(pattern = schema::SECRET_KEY),
        extend("default" = "ca.crt")
    )]
    pub key: Option<String>,
}
