//! Where archives live between packaging and download. Knows nothing of Kubernetes or of actors.

pub mod cache;
#[cfg(test)]
mod conformance;
mod content;
mod error;
pub mod filesystem;
mod key;
pub mod memory;
mod owner;
mod presence;
pub mod retention;
pub mod s3;

use std::ops::Range;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures::StreamExt as _;

pub use content::{ByteStream, Content, StoredFile};
pub use error::StorageError;
pub use key::{ArtifactKey, InvalidKey};
pub use owner::Owner;
pub use presence::{Absence, Presence};

use crate::api::ObjectName;
use crate::digest::Hasher;
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

/// What reading an archive and computing its digest came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// The bytes are those that were stored.
    Sound,
    /// They are not. Such an archive is not served; storing it again mends it.
    Damaged,
    /// There is no such archive.
    Absent,
}

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

    /// Hands out the archive, or `range` of it (which must lie within its size); `None` when it is not there, or known to
    /// be damaged.
    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError>;

    /// What is known about the archive; `None` when it is not there, or known to be damaged.
    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError>;

    /// What [`retrieve`](Self::retrieve) would hand out now: like [`stat`](Self::stat), but a copy will do, so that it
    /// says nothing about what is stored.
    async fn peek(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        self.stat(key).await
    }

    /// One page of what is stored in `scope`, sorted by key as it is printed; `after` is the previous page's
    /// [`Page::next`]. Damaged archives are among the entries, so that they can be deleted.
    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError>;

    /// Removes the archive; removing what is not there is no error.
    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError>;

    /// Reads the whole archive, as it is stored now, and compares its digest with its key.
    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        let Some((_, content)) = self.retrieve(key, None).await? else { return Ok(Integrity::Absent) };
        let mut stream = content.into_stream();
        let mut hasher = Hasher::default();
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        Ok(if hasher.finish() == key.digest() { Integrity::Sound } else { Integrity::Damaged })
    }

    /// Removes what stores that never ended have left, once nobody has added to it for `age`; says how many there were.
    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        let _ = age;
        Ok(0)
    }

    /// Says whether this process is the one that writes: what several processes share is then taken, or given up once
    /// the writes under way are over. A failure to take it is told, and every later write tries again.
    async fn lead(&self, leading: bool) -> Result<(), StorageError> {
        let _ = leading;
        Ok(())
    }

    /// Another address to send who asks for the archive to, valid for a while; `None` when it is to be served from here.
    /// Whether the archive is there is the caller's to know.
    async fn redirect(&self, key: &ArtifactKey) -> Result<Option<String>, StorageError> {
        let _ = key;
        Ok(None)
    }

    /// Whether archives are files of this machine, so that handing one out costs as little as looking at it.
    fn has_files(&self) -> bool {
        false
    }

    /// The address under which consumers find the archive.
    fn url(&self, key: &ArtifactKey) -> String;

    /// Name of the backend, as in `STORAGE_BACKEND`.
    fn backend(&self) -> &'static str;
}
