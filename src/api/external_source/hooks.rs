//! `spec.hooks`: whitelisted commands around the request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, schema};

/// Commands that run before and after the request, each piped into the next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hooks {
    /// Run before the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_HOOKS))]
    pub pre_request: Vec<Hook>,
    /// Run over the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_HOOKS))]
    pub post_request: Vec<Hook>,
}

/// One whitelisted command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// What messages call it.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_NAME))]
    pub name: String,
    /// The command, by its exact name in the whitelist.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_PATH))]
    pub command: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_ARGUMENTS), inner(length(max = schema::MAX_ARGUMENT)))]
    pub args: Vec<String>,
    /// Time limit, as a Go duration.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(
        length(max = schema::MAX_DURATION),
        regex(pattern = schema::OPTIONAL_DURATION),
        extend("default" = "30s")
    )]
    pub timeout: Option<String>,
    /// What a failure means: "ignore" carries on with the hook's input, "retry" tries again within `maxRetries`,
    /// "fail" ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ignore", "retry", "fail"], "default" = "fail"))]
    pub retry_policy: Option<String>,
    /// The command's whole environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = schema::MAX_VARIABLES))]
    pub env: Vec<EnvironmentVariable>,
}

/// One variable of a hook's environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentVariable {
    /// Name of the variable.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_NAME), regex(pattern = schema::VARIABLE_NAME))]
    pub name: String,
    /// Its value.
    #[serde(default)]
    #[schemars(!default, length(max = schema::MAX_ARGUMENT))]
    pub value: String,
}
