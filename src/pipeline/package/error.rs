//! Why an answer could not be packaged, and what that means for the next attempt.

use std::io;

use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};
use crate::pipeline::guards::{GuardError, Refusal};
use crate::pipeline::unpack::{SpecError, UnpackError};

/// Why an answer could not be packaged.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A field of the spec cannot work.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The content must not replace what is advertised.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is no archive that can be unpacked. Never [`UnpackError::Io`] or [`UnpackError::Cancelled`].
    #[error(transparent)]
    Unpack(UnpackError),
    /// A spool cannot be read or written. Only the kind is shown: the rest names a temporary file.
    #[error("the archive could not be built: {}", .0.kind())]
    Io(#[from] io::Error),
    /// Nobody waits for the archive any more.
    #[error("packaging was cancelled")]
    Cancelled,
}

impl From<UnpackError> for PackageError {
    fn from(error: UnpackError) -> Self {
        match error {
            UnpackError::Io(error) => Self::Io(error),
            UnpackError::Cancelled => Self::Cancelled,
            other => Self::Unpack(other),
        }
    }
}

impl From<GuardError> for PackageError {
    fn from(error: GuardError) -> Self {
        match error {
            GuardError::Refused(refusal) => Self::Refused(refusal),
            GuardError::Io(error) => Self::Io(error),
            GuardError::Cancelled => Self::Cancelled,
        }
    }
}

impl From<PackageError> for Failure {
    fn from(error: PackageError) -> Self {
        let (class, reason) = match &error {
            PackageError::Spec(_) => (Class::Configuration, reasons::INVALID_SPEC),
            PackageError::Refused(refusal) => (Class::Refused, refusal.reason()),
            PackageError::Unpack(_) => (Class::Refused, reasons::INVALID_CONTENT),
            PackageError::Io(_) | PackageError::Cancelled => (Class::TRANSIENT, reasons::BUILD_FAILED),
        };
        Self { class, reason, message: error.to_string() }
    }
}
