//! Where archives live between packaging and download. Knows nothing of Kubernetes or of actors.

#[cfg(test)]
mod conformance;
mod error;
mod key;
pub mod memory;
mod presence;
pub mod retention;

use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use error::StorageError;
pub use key::{ArtifactKey, InvalidKey};
pub use presence::{Absence, Presence};

use crate::api::ObjectName;
use crate::spool::Spool;

/// What is known about a stored archive without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    /// Where it is stored.
    pub key: ArtifactKey,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored; a second store of the same bytes keeps the first time.
    pub stored_at: SystemTime,
}

/// The bytes of a stored archive, or a range of them, in bounded chunks.
pub type ByteStream = BoxStream<'static, Result<Bytes, StorageError>>;

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The entries, sorted by key as it is printed.
    pub entries: Vec<StoredArtifact>,
    /// Give this to the next call for the next page; `None` after the last one.
    pub next: Option<String>,
}

/// Which archives a listing covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everything in this storage.
    All,
    /// Those of one object.
    Source(&'a ObjectName),
}

/// A content-addressed store of archives. Every implementation passes `conformance`.
#[async_trait]
pub trait Storage: Send + Sync + 'static {
    /// Stores `content` under `key`, atomically: a reader sees all of it or nothing. Storing the same key again is no
    /// error and changes nothing.
    ///
    /// Fails with [`StorageError::Corrupt`] when the content's digest is not the key's.
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError>;

    /// Streams the archive, or `range` of it (which must lie within its size); `None` when it is not there.
    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, ByteStream)>, StorageError>;

    /// What is known about the archive; `None` when it is not there.
    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError>;

    /// One page of what is stored in `scope`, sorted by key as it is printed; `after` is the previous page's [`Page::next`].
    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError>;

    /// Removes the archive; removing what is not there is no error.
    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError>;

    /// The address under which consumers find the archive.
    fn url(&self, key: &ArtifactKey) -> String;

    /// Name of the backend, as in `STORAGE_BACKEND`.
    fn backend(&self) -> &'static str;
}
