//! What went wrong with assertions and transformations, in the words of the spec.

use crate::api::conditions::reasons;
use crate::api::external_source::{Assertion, TransformStep};
use crate::failure::{Class, Failure};
use crate::hooks::ExecutorError;
use crate::pipeline::hooks::{Outcome, class_of_denied, command_failure};
use crate::transform::{Problem, ProblemKind};

/// Longest part of an expression that stands for a message, in characters.
const SHOWN: usize = 256;

/// Why the answer may not be used.
pub(super) fn assertion_failure(assertions: &[Assertion], error: &ExecutorError) -> Failure {
    let refused = |message| Failure { class: Class::Refused, reason: reasons::ASSERTION_FAILED, message };
    let problem = match error {
        ExecutorError::Problem(problem) => problem,
        other => return otherwise(other, "spec.assertions", reasons::ASSERTION_FAILED),
    };
    let place = problem.index.map_or_else(|| "spec.assertions".to_owned(), |index| format!("spec.assertions[{index}]"));
    match problem.kind {
        ProblemKind::Assertion => {
            let assertion = problem.index.and_then(|index| assertions.get(index));
            refused(assertion.map_or_else(|| problem.message.clone(), told))
        }
        ProblemKind::Expression => broken_expression(&format!("{place}.cel"), problem),
        ProblemKind::Evaluation | ProblemKind::Input => refused(format!("{place}: {}", problem.message)),
    }
}

/// What the user wants to be told, or what does not hold.
fn told(assertion: &Assertion) -> String {
    match assertion.message.as_deref() {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ => format!("the answer does not meet the assertion {}", shown(&assertion.cel)),
    }
}

fn shown(expression: &str) -> String {
    let mut shown: String = expression.chars().take(SHOWN).collect();
    if shown.len() < expression.len() {
        shown.push('…');
    }
    shown
}

/// Why there is no result.
pub(super) fn transform_failure(steps: &[TransformStep], error: &ExecutorError) -> Failure {
    let problem = match error {
        ExecutorError::Problem(problem) => problem,
        other => return otherwise(other, "spec.transform", reasons::TRANSFORM_FAILED),
    };
    let place = match problem.index {
        Some(index) => {
            let kind = steps.get(index).map_or("", |step| if step.jq.is_some() { ".jq" } else { ".cel" });
            format!("spec.transform[{index}]{kind}")
        }
        None => "spec.transform".to_owned(),
    };
    match problem.kind {
        ProblemKind::Expression => broken_expression(&place, problem),
        ProblemKind::Evaluation | ProblemKind::Input | ProblemKind::Assertion => Failure {
            class: Class::Refused,
            reason: reasons::TRANSFORM_FAILED,
            message: format!("{place}: {}", problem.message),
        },
    }
}

fn broken_expression(place: &str, problem: &Problem) -> Failure {
    let message = format!("{place}: {}", problem.message);
    Failure { class: Class::Configuration, reason: reasons::INVALID_SPEC, message }
}

/// The child that evaluates ended, or did not come to run.
fn otherwise(error: &ExecutorError, place: &str, reason: &'static str) -> Failure {
    match Outcome::of(error) {
        Outcome::Failed => Failure { class: Class::Refused, reason, message: format!("{place} {error}") },
        Outcome::NotAllowed => {
            let message = format!("{place}: {error}");
            Failure { class: class_of_denied(error), reason: reasons::INVALID_SPEC, message }
        }
        Outcome::Unavailable => command_failure(error),
    }
}
