//! `spec.transform` and `spec.assertions`: expressions over the answer, evaluated without any command.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{lenient, schema};

/// One step over the answer: a jq program or a CEL expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = schema::transform_step()))]
pub struct TransformStep {
    /// A jq program.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(min = 1, max = schema::MAX_EXPRESSION))]
    pub jq: Option<String>,
    /// A CEL expression over `body`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(min = 1, max = schema::MAX_EXPRESSION))]
    pub cel: Option<String>,
}

/// A condition that an answer has to meet before it is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// A CEL expression over `status`, `headers` (by lower-case name) and `body` that gives true or false.
    #[serde(default)]
    #[schemars(!default, length(min = 1, max = schema::MAX_EXPRESSION))]
    pub cel: String,
    /// What the `Ready` condition says when it is false; the expression itself by default.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::non_empty")]
    #[schemars(length(max = schema::MAX_MESSAGE))]
    pub message: Option<String>,
}
