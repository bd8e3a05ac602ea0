//! Copies of archives beside a backend, so that what is asked for often costs the backend nothing, and is there while the
//! backend is away.
//!
//! A copy is made of what is stored, and of what is asked for once its digest was computed. It is never the truth: whoever
//! decides whether an archive is stored asks the backend first, and takes the copy's word only while that is away; a copy ends with the archive (within `CONFIRMED_FOR` when
//! another process removed it).

mod fill;
mod shelf;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use self::fill::{Filled, Fills};
use self::shelf::{Copy, Shelf};
use super::{ArtifactKey, Content, Integrity, Page, Presence, Scope, Storage, StorageError, StoredArtifact};
use crate::spool::{Spool, Spools};

/// How long a copy is handed out before the backend is asked again whether there still is such an archive.
const CONFIRMED_FOR: Duration = Duration::from_secs(30);

/// How long the backend may take for that; a copy is better than a wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// Settings of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes of copies in memory.
    pub memory: u64,
    /// Bytes of copies in unnamed files of the spool's folder.
    pub disk: u64,
}

/// A backend with copies beside it.
pub struct Cached {
    backend: Arc<dyn Storage>,
    shelf: Arc<Shelf>,
    fills: Fills,
}

impl Cached {
    /// `backend` with an empty cache. `presence` says which copies are given up last; `spools` where new ones are made.
    pub fn new(backend: Arc<dyn Storage>, settings: CacheSettings, spools: &Spools, presence: Arc<Presence>) -> Self {
        let spools = spools.with_memory_limit(usize::try_from(settings.memory).unwrap_or(usize::MAX));
        let shelf = Arc::new(Shelf::new(settings, presence));
        let fills = Fills::new(Arc::clone(&backend), Arc::clone(&shelf), spools);
        Self { backend, shelf, fills }
    }

    /// The copy of an archive that is still there, as far as can be found out soon.
    async fn copy(&self, key: &ArtifactKey) -> Option<Arc<Copy>> {
        let copy = self.shelf.get(key)?;
        if !copy.is_due(CONFIRMED_FOR) {
            return Some(copy);
        }
        match timeout(PATIENCE, self.backend.stat(key)).await {
            Ok(Ok(None)) => {
                self.shelf.forget(key);
                None
            }
            // There, or away.
            _ => Some(copy),
        }
    }
}

#[async_trait]
impl Storage for Cached {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let stored = self.backend.store(key, content).await?;
        if let Some(place) = self.shelf.reserve(key, content.len(), content.in_memory().is_none(), true) {
            place.put(stored.clone(), content);
        }
        Ok(stored)
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        if let Some(copy) = self.copy(key).await {
            return Ok(Some(copy.hand_out(range)));
        }
        if self.backend.has_files() {
            match self.backend.retrieve(key, range.clone()).await? {
                Some((stored, _)) if self.fills.may_hold(stored.size) => {}
                found => return Ok(found),
            }
        } else {
            match self.backend.stat(key).await? {
                Some(stored) if self.fills.may_hold(stored.size) => {}
                Some(_) => return self.backend.retrieve(key, range).await,
                None => return Ok(None),
            }
        }
        match self.fills.fill(key).await? {
            Filled::Copy(copy) => Ok(Some(copy.hand_out(range))),
            Filled::NoRoom => self.backend.retrieve(key, range).await,
            Filled::Absent => Ok(None),
        }
    }

    async fn peek(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        match self.copy(key).await {
            Some(copy) => Ok(Some(copy.stored().clone())),
            None => self.backend.peek(key).await,
        }
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        match self.backend.stat(key).await {
            Ok(None) => {
                self.shelf.forget(key);
                Ok(None)
            }
            Err(error) => self.shelf.get(key).map(|copy| Some(copy.stored().clone())).ok_or(error),
            there => there,
        }
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        self.backend.list(scope, after).await
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        // First, because it is not to be served from now on; and again, because it may have been asked for meanwhile.
        self.shelf.forget(key);
        let outcome = self.backend.delete(key).await;
        self.shelf.forget(key);
        outcome
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        let integrity = self.backend.verify(key).await?;
        if integrity != Integrity::Sound {
            self.shelf.forget(key);
        }
        Ok(integrity)
    }

    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        self.backend.remove_unfinished(age).await
    }

    async fn lead(&self, leading: bool) -> Result<(), StorageError> {
        self.backend.lead(leading).await
    }

    async fn redirect(&self, key: &ArtifactKey) -> Result<Option<String>, StorageError> {
        let Some(url) = self.backend.redirect(key).await? else { return Ok(None) };
        // A backend that is away cannot serve it, but a copy may.
        Ok(self.backend.stat(key).await.is_ok().then_some(url))
    }

    fn url(&self, key: &ArtifactKey) -> String {
        self.backend.url(key)
    }

    fn backend(&self) -> &'static str {
        self.backend.backend()
    }
}

#[cfg(test)]
mod tests;
