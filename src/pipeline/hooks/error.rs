//! What an executor's error means for the run. Messages name the hook and how it ended, never what it was given or
//! what it wrote.

use super::Hook;
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};
use crate::hooks::ExecutorError;

/// The kinds of errors, as far as somebody decides by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It ran and failed: the hook's policy says what that means.
    Failed,
    /// It may not run.
    NotAllowed,
    /// It did not come to run, which is no fault of its own.
    Unavailable,
}

impl Outcome {
    /// The kind of this error.
    pub fn of(error: &ExecutorError) -> Self {
        match error {
            ExecutorError::Failed(_) | ExecutorError::Limit(_) | ExecutorError::Problem(_) => Self::Failed,
            ExecutorError::NotAllowed(_) | ExecutorError::Invalid(_) => Self::NotAllowed,
            ExecutorError::Unavailable(_) | ExecutorError::Spool(_) => Self::Unavailable,
        }
    }

    /// For metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::NotAllowed => "not-allowed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The failure of a hook whose policy does not help.
pub(super) fn hook_failure(hook: &Hook, error: &ExecutorError) -> Failure {
    let (name, place) = (&hook.name, hook.place());
    match Outcome::of(error) {
        Outcome::Failed => Failure {
            class: Class::Refused,
            reason: reasons::HOOK_FAILED,
            message: format!("hook {name:?} ({place}) {error}"),
        },
        Outcome::NotAllowed => Failure {
            class: class_of_denied(error),
            reason: reasons::HOOK_NOT_ALLOWED,
            message: format!("hook {name:?} (spec.hooks.{place}): {error}"),
        },
        Outcome::Unavailable => command_failure(error),
    }
}

/// Who can mend what may not run: a request that no whitelist could allow, only the spec.
pub fn class_of_denied(error: &ExecutorError) -> Class {
    if matches!(error, ExecutorError::Invalid(_)) { Class::Configuration } else { Class::NotAllowed }
}

/// The failure of anything that did not come to run.
pub fn command_failure(error: &ExecutorError) -> Failure {
    let reason = match error {
        ExecutorError::Spool(_) => reasons::BUILD_FAILED,
        _ => reasons::HOOKS_UNAVAILABLE,
    };
    // The kind alone: the rest of an I/O error may name a temporary file.
    let message = match error {
        ExecutorError::Spool(error) => format!("input or output of a hook could not be kept: {}", error.kind()),
        other => other.to_string(),
    };
    Failure { class: Class::TRANSIENT, reason, message }
}
