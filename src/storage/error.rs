//! What can go wrong with stored bytes.

use std::sync::Arc;

use super::filesystem::FilesystemError;
use super::s3::S3Error;
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};

/// A storage operation that did not happen. All of them are transient: what was stored before stays served.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Storing would exceed the configured capacity.
    // The figures that change from one try to the next are for the log: a message is written once as long as it stays.
    #[error("the storage is full: its capacity is {capacity} bytes; raise it, or store less")]
    Full {
        /// Bytes that were to be stored.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Configured capacity in bytes.
        capacity: u64,
    },
    /// The bytes that arrived are not the bytes that were announced.
    #[error("the stored bytes differ from what was packaged: expected {expected}, got {actual}")]
    Corrupt {
        /// Digest that was announced.
        expected: crate::digest::Digest,
        /// Digest of what arrived.
        actual: crate::digest::Digest,
    },
    /// The volume.
    #[error(transparent)]
    Filesystem(#[from] FilesystemError),
    /// The bucket.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// The backend cannot be reached or refuses.
    #[error("the storage is unavailable: {0}")]
    Unavailable(String),
    /// What somebody else was told who asked for the same at the same time.
    #[error(transparent)]
    Shared(Arc<StorageError>),
    /// Reading or writing failed on this machine.
    #[error("the storage failed: {0}")]
    Io(#[from] std::io::Error),
}

impl StorageError {
    /// Whether the storage is what does not work, rather than what was asked of it.
    pub fn is_outage(&self) -> bool {
        !matches!(
            self,
            Self::Corrupt { .. }
                | Self::Filesystem(FilesystemError::Name { .. } | FilesystemError::NotWriter { .. })
                | Self::S3(S3Error::NotWriter { .. })
        )
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self { class: Class::TRANSIENT, reason: reasons::STORAGE_OPERATION_FAILED, message: error.to_string() }
    }
}
