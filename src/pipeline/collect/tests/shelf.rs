//! A storage and an overseer that are lists.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::api::ObjectName;
use crate::pipeline::collect::{Claims, Incomplete, Overseer, Removed, is_orphan, remove_damaged, remove_orphans};
use crate::spool::Spool;
use crate::storage::{ArtifactKey, Content, Integrity, Page, Presence, Scope, Storage, StorageError, StoredArtifact};

use super::HOUR;

/// Archives without bytes, in small pages.
pub(super) struct Shelf {
    page_size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    archives: BTreeMap<String, StoredArtifact>,
    damaged: BTreeSet<ArtifactKey>,
    stuck: BTreeSet<ArtifactKey>,
    /// What every listing began after.
    listed: Vec<Option<String>>,
    list_errors: BTreeSet<usize>,
    verified: Vec<ArtifactKey>,
}

impl Shelf {
    pub(super) fn new(page_size: usize) -> Self {
        Self { page_size, state: Mutex::default() }
    }

    pub(super) fn put(&self, key: &ArtifactKey, age: Duration) {
        let stored = StoredArtifact { key: key.clone(), size: 10, stored_at: SystemTime::now() - age };
        self.state().archives.insert(key.to_string(), stored);
    }

    pub(super) fn damage(&self, key: &ArtifactKey) {
        self.state().damaged.insert(key.clone());
    }

    pub(super) fn was_damaged(&self, key: &ArtifactKey) -> bool {
        self.state().damaged.contains(key)
    }

    pub(super) fn stick(&self, key: &ArtifactKey) {
        self.state().stuck.insert(key.clone());
    }

    /// The listing of this number, from 0 on, fails.
    pub(super) fn fail_list(&self, number: usize) {
        self.state().list_errors.insert(number);
    }

    pub(super) fn stored(&self) -> Vec<StoredArtifact> {
        self.state().archives.values().cloned().collect()
    }

    pub(super) fn listed(&self) -> Vec<Option<String>> {
        self.state().listed.clone()
    }

    pub(super) fn verified(&self) -> Vec<ArtifactKey> {
        self.state().verified.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("on purpose".to_owned())
}

#[async_trait]
impl Storage for Shelf {
    async fn store(&self, _: &ArtifactKey, _: &Spool) -> Result<StoredArtifact, StorageError> {
        Err(unavailable())
    }

    async fn retrieve(
        &self,
        _: &ArtifactKey,
        _: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        Err(unavailable())
    }

    async fn stat(&self, _: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        Err(unavailable())
    }

    async fn list(&self, _: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        let mut state = self.state();
        let number = state.listed.len();
        state.listed.push(after.map(str::to_owned));
        if state.list_errors.contains(&number) {
            return Err(unavailable());
        }
        let mut rest = state.archives.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let entries: Vec<_> = rest.by_ref().take(self.page_size).map(|(_, stored)| stored.clone()).collect();
        let next = rest.next().and_then(|_| entries.last()).map(|last| last.key.to_string());
        Ok(Page { entries, next })
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        let mut state = self.state();
        if state.stuck.contains(key) {
            return Err(unavailable());
        }
        state.archives.remove(&key.to_string());
        Ok(())
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        let mut state = self.state();
        state.verified.push(key.clone());
        Ok(match (state.archives.contains_key(&key.to_string()), state.damaged.contains(key)) {
            (false, _) => Integrity::Absent,
            (true, true) => Integrity::Damaged,
            (true, false) => Integrity::Sound,
        })
    }

    fn url(&self, key: &ArtifactKey) -> String {
        key.to_string()
    }

    fn backend(&self) -> &'static str {
        "shelf"
    }
}

/// The objects.
pub(super) struct World {
    watched: Vec<&'static str>,
    pub(super) sources: BTreeSet<ObjectName>,
    pub(super) named: BTreeSet<ArtifactKey>,
}

impl World {
    pub(super) fn new(watched: &[&'static str]) -> Self {
        Self { watched: watched.to_vec(), sources: BTreeSet::new(), named: BTreeSet::new() }
    }

    pub(super) fn over<'a>(self, storage: &'a Shelf, presence: &'a Presence) -> Overseen<'a> {
        Overseen { objects: self, storage, presence, state: Mutex::default() }
    }
}

/// Who knows the objects, and what it was told.
pub(super) struct Overseen<'a> {
    pub(super) objects: World,
    storage: &'a Shelf,
    presence: &'a Presence,
    state: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    rebuilt: Vec<ArtifactKey>,
    retired: Vec<ObjectName>,
    failed: Vec<&'static str>,
    /// Questions after which not everything is known any more.
    knows_for: Option<usize>,
}

impl Overseen<'_> {
    pub(super) fn rebuilt(&self) -> Vec<ArtifactKey> {
        self.state.lock().unwrap().rebuilt.clone()
    }

    pub(super) fn retired(&self) -> Vec<ObjectName> {
        self.state.lock().unwrap().retired.clone()
    }

    /// Not everything is known any more after so many questions; for ever is `None`.
    pub(super) fn knows_for(&self, questions: Option<usize>) {
        self.state.lock().unwrap().knows_for = questions;
    }

    fn knows(&self) -> Result<(), Incomplete> {
        match &mut self.state.lock().unwrap().knows_for {
            None => Ok(()),
            Some(0) => Err(Incomplete),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn claims(&self, key: &ArtifactKey) -> Claims {
        Claims {
            is_watched: self.is_watched(&key.source().namespace),
            has_source: self.objects.sources.contains(key.source()),
            is_named: self.objects.named.contains(key),
        }
    }
}

#[async_trait]
impl Overseer for Overseen<'_> {
    async fn is_complete(&self) -> bool {
        self.knows().is_ok()
    }

    fn is_watched(&self, namespace: &str) -> bool {
        self.objects.watched.contains(&namespace)
    }

    async fn remove_orphans(&self, page: &Arc<[StoredArtifact]>, from: usize) -> Result<(usize, Removed), Incomplete> {
        self.knows()?;
        let now = SystemTime::now();
        let is_due = |stored: &&StoredArtifact| is_orphan(stored, self.claims(&stored.key), now, HOUR);
        // Two at a time.
        let due: Vec<_> = page[from..].iter().take(2).filter(is_due).map(|stored| stored.key.clone()).collect();
        let mut removed = Removed::default();
        remove_orphans(self.storage, due, &CancellationToken::new(), |removal| removed.count(&removal)).await;
        Ok(((from + 2).min(page.len()), removed))
    }

    async fn remove_damaged(&self, key: &ArtifactKey) -> Result<Removed, Incomplete> {
        self.knows()?;
        let (claims, mut removed) = (self.claims(key), Removed::default());
        let is_advertised = self.presence.advertised(key.source()).as_ref() == Some(key);
        if claims.is_watched
            && !claims.is_named
            && !is_advertised
            && let Some(removal) = remove_damaged(self.storage, key.clone(), &CancellationToken::new()).await
        {
            removed.count(&removal);
        }
        Ok(removed)
    }

    fn rebuild(&self, key: &ArtifactKey, _: Integrity) {
        self.state.lock().unwrap().rebuilt.push(key.clone());
    }

    fn retire(&self, source: &ObjectName) {
        self.state.lock().unwrap().retired.push(source.clone());
    }

    fn verified(&self, _: Integrity) {}

    fn failed(&self, operation: &'static str, _: &StorageError) {
        self.state.lock().unwrap().failed.push(operation);
    }
}
