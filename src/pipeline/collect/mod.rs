//! The garbage collector, without its clock and its actor: one round over everything that is stored.
//!
//! A round removes what nobody needs (archives of sources that are gone, damaged archives that nobody advertises, stores
//! that never ended), has sources look at their revisions when there are too many, and reads a part of what is stored to
//! see whether it still is what its name says. Whatever is removed is removed by the [`Overseer`], who knows the objects
//! and decides over each archive at that moment; the round only finds candidates. So it may be given up at any step.

mod decide;
mod pace;
mod remove;
mod round;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use decide::{Claims, Window, is_orphan};
pub use remove::{Removal, Removed, remove_damaged, remove_orphans};
pub use round::{Round, RoundError, Summary};

use crate::api::ObjectName;
use crate::storage::{ArtifactKey, Integrity, StoredArtifact};

/// When and how the collector works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectSettings {
    /// Time between the rounds.
    pub interval: Duration,
    /// How old has to be what nobody needs before it is removed.
    pub stale_after: Duration,
    /// Within which time every archive is read once; never when zero.
    pub verify_period: Duration,
    /// Revisions of a source that are no reason to look closer.
    pub records: usize,
}

/// Not all objects are known, so that nothing can be said to be superfluous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not all objects are known")]
pub struct Incomplete;

/// Who knows all objects, and acts on what a round finds. Each call decides anew, by what is known at that moment.
#[async_trait]
pub trait Overseer: Send + Sync {
    /// Whether all objects are known, and removing anything is this process's business.
    async fn is_complete(&self) -> bool;

    /// Whether the objects of this namespace are seen at all.
    fn is_watched(&self, namespace: &str) -> bool;

    /// Removes orphans among the archives of a page (sorted by key), from the one with this number on and of a few
    /// sources at once; gives the number of the first one that it did not look at, and what was removed.
    async fn remove_orphans(&self, page: &Arc<[StoredArtifact]>, from: usize) -> Result<(usize, Removed), Incomplete>;

    /// Removes this archive, if it is still damaged and nobody advertises it.
    async fn remove_damaged(&self, key: &ArtifactKey) -> Result<Removed, Incomplete>;

    /// Tells the source of this archive, which it advertises, that the bytes are damaged or gone.
    fn rebuild(&self, key: &ArtifactKey, found: Integrity);

    /// Has this source look at its revisions: there are more than it has to keep.
    fn retire(&self, source: &ObjectName);

    /// An archive was read.
    fn verified(&self, found: Integrity);

    /// Something that the round itself tried failed; it goes on.
    fn failed(&self, operation: &'static str, error: &crate::storage::StorageError);
}

#[cfg(test)]
mod tests;
