//! What a failed stage means for the next attempt: the one error type that travels between the actors.
//!
//! Every module has an error enum of its own that says precisely what went wrong; each converts into a [`Failure`]
//! at the boundary of its stage. Decisions are made from [`Class`], never from a text.

use std::time::Duration;

/// What has to happen before another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Likely to pass by itself: retried with backoff, or after what the origin asked for.
    Transient {
        /// The origin's own word on when to come back (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// A Secret or another object of the cluster is missing or unusable: looked at again with backoff up to the
    /// interval, because somebody is probably creating it now.
    Waiting,
    /// The origin answered, and the answer cannot be used: asked again once per interval.
    Refused,
    /// The spec asks for what the administrator does not allow: `Stalled=True`, because no retry by itself helps, and
    /// asked again once per interval, because it is mended elsewhere and nothing tells when.
    NotAllowed,
    /// Only an edit of the spec can mend it: no retry, `Stalled=True`.
    Configuration,
}

impl Class {
    /// Transient, without a word from the origin on when to come back.
    pub const TRANSIENT: Self = Self::Transient { retry_after: None };
}

/// A stage's failure: its class, a reason in Flux's words and a message that a user can act on.
///
/// Messages never carry header values, bodies, secrets, URL userinfo or query strings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Decides what happens next.
    pub class: Class,
    /// One of [`crate::api::conditions::reasons`].
    pub reason: &'static str,
    /// What happened and what the user can do; stable over repetitions, so that it is written once.
    pub message: String,
}
