//! Reads `spec.transform` and what belongs to it.

use crate::api::ExternalSourceSpec;
use crate::api::conditions::reasons;
use crate::api::external_source::TransformStep;
use crate::failure::{Class, Failure};
use crate::transform::{Output, Step, Steps};

/// A field that cannot work; only an edit can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessSpecError {
    /// A step of both kinds, or of none.
    #[error("spec.transform[{0}] must have exactly one of jq and cel")]
    Step(usize),
    /// An assertion that says nothing.
    #[error("spec.assertions[{0}].cel is required")]
    Assertion(usize),
    /// Neither of the two forms.
    #[error("spec.output {0:?} is none of \"json\" and \"yaml\"")]
    Output(String),
    /// It says how to write what is not there.
    #[error("{0} needs spec.transform")]
    NeedsTransform(&'static str),
    /// Expressions read JSON and YAML, not archives.
    #[error("spec.transform cannot be used together with spec.generator.http.unpack")]
    Archive,
}

impl From<ProcessSpecError> for Failure {
    fn from(error: ProcessSpecError) -> Self {
        Self { class: Class::Configuration, reason: reasons::INVALID_SPEC, message: error.to_string() }
    }
}

/// Checks everything that can be checked without evaluating an expression.
pub fn check(spec: &ExternalSourceSpec) -> Result<(), ProcessSpecError> {
    if let Some(index) = spec.assertions.iter().position(|assertion| assertion.cel.is_empty()) {
        return Err(ProcessSpecError::Assertion(index));
    }
    let steps = steps(spec)?;
    if steps.is_some() && is_archive(spec) {
        return Err(ProcessSpecError::Archive);
    }
    match steps {
        None if spec.output.is_some() => Err(ProcessSpecError::NeedsTransform("spec.output")),
        None if spec.output_files == Some(true) => Err(ProcessSpecError::NeedsTransform("spec.outputFiles")),
        _ => Ok(()),
    }
}

/// Whether an answer passes through this stage at all.
pub fn is_needed(spec: &ExternalSourceSpec) -> bool {
    !spec.assertions.is_empty() || reshapes(spec)
}

/// Whether what is packaged is something else than what the origin sent.
pub fn reshapes(spec: &ExternalSourceSpec) -> bool {
    !spec.transform.is_empty() || spec.hooks.as_ref().is_some_and(|hooks| !hooks.post_request.is_empty())
}

/// Whether the result is a tree of files, as a tar.gz.
pub fn makes_files(spec: &ExternalSourceSpec) -> bool {
    !spec.transform.is_empty() && spec.output_files == Some(true)
}

/// Whether the result is one document that is written as YAML.
pub fn writes_yaml(spec: &ExternalSourceSpec) -> bool {
    !spec.transform.is_empty() && spec.output.as_deref() == Some("yaml") && !makes_files(spec)
}

/// Whether the answer is an archive.
pub(super) fn is_archive(spec: &ExternalSourceSpec) -> bool {
    spec.generator.http.as_ref().is_some_and(|http| http.unpack.is_some())
}

/// The transformation; `None` when there is none.
pub(super) fn steps(spec: &ExternalSourceSpec) -> Result<Option<Steps>, ProcessSpecError> {
    if spec.transform.is_empty() {
        return Ok(None);
    }
    let steps = spec.transform.iter().enumerate().map(|(index, written)| step(index, written));
    let output = match spec.output.as_deref() {
        None | Some("json") => Output::Json,
        Some("yaml") => Output::Yaml,
        Some(other) => return Err(ProcessSpecError::Output(other.to_owned())),
    };
    Ok(Some(Steps { steps: steps.collect::<Result<_, _>>()?, output, files: makes_files(spec) }))
}

fn step(index: usize, written: &TransformStep) -> Result<Step, ProcessSpecError> {
    match (&written.jq, &written.cel) {
        (Some(program), None) => Ok(Step::Jq(program.clone())),
        (None, Some(expression)) => Ok(Step::Cel(expression.clone())),
        _ => Err(ProcessSpecError::Step(index)),
    }
}
