//! Making problems: what is said, and what never is.

use super::program::{Problem, ProblemKind};

impl Problem {
    /// About the step or assertion `index`.
    pub(super) fn new(kind: ProblemKind, index: impl Into<Option<usize>>, message: impl Into<String>) -> Self {
        Self { kind, index: index.into(), message: message.into() }
    }

    /// About the document.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Input, None, message)
    }

    /// About the program as it reached us, or what becomes of its result: not about one step.
    pub(super) fn evaluation(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Evaluation, None, message)
    }
}
