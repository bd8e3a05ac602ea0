//! What to evaluate, and what can be wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What to evaluate over one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Program {
    /// Whether the document may be used; its output is empty.
    Assert(Assertions),
    /// What the document becomes.
    Transform(Steps),
}

/// Conditions that all have to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertions {
    /// CEL over `status`, `headers` and `body`.
    pub expressions: Vec<String>,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers by lower-case name; of several of one name, the values joined by ", ".
    pub headers: BTreeMap<String, String>,
}

/// Steps in order, each over what the one before made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
    /// How the last result is written.
    pub output: Output,
    /// The last result is an object of files by their paths; the output is a tar.gz of them.
    pub files: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// A jq program.
    Jq(String),
    /// A CEL expression over `body`.
    Cel(String),
}

/// How a result is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// JSON; several results are lines.
    #[default]
    Json,
    /// YAML; several results are documents.
    Yaml,
}

/// Why there is no result. Holds nothing of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What it is about.
    pub kind: ProblemKind,
    /// The step or the assertion that it is about, from 0; `None` when it is about none of them.
    pub index: Option<usize>,
    /// What is wrong, without any value of the document.
    pub message: String,
}

/// What a [`Problem`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The expression itself: no document would do.
    Expression,
    /// The expression over this document.
    Evaluation,
    /// The document is neither JSON nor YAML, or is too deep or too large.
    Input,
    /// An assertion that does not hold.
    Assertion,
}
