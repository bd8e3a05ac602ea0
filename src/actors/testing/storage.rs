//! The memory storage with what can go wrong with others.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::api::ObjectName;
use crate::spool::Spool;
use crate::storage::memory::{MemorySettings, MemoryStorage};
use crate::storage::{ArtifactKey, Content, Integrity, Page, Presence, Scope, Storage, StorageError, StoredArtifact};

/// A storage that fails as it is told.
pub struct FakeStorage {
    memory: MemoryStorage,
    script: Mutex<Script>,
    held: watch::Sender<bool>,
}

#[derive(Default)]
struct Script {
    damaged: BTreeSet<ArtifactKey>,
    stuck: BTreeSet<ArtifactKey>,
    list_errors: usize,
    panics: usize,
    stores: usize,
    listed: usize,
    looked_at: Vec<ObjectName>,
    deleted: Vec<ArtifactKey>,
    deleting: usize,
}

impl FakeStorage {
    pub fn new(presence: &Arc<Presence>) -> Self {
        let settings = MemorySettings { capacity: 1 << 20, base_url: "http://here".to_owned() };
        Self {
            memory: MemoryStorage::new(settings, Arc::clone(presence)),
            script: Mutex::default(),
            held: watch::Sender::default(),
        }
    }

    /// From now on the archive's bytes are others, until it is stored again.
    pub fn damage(&self, key: &ArtifactKey) {
        self.script().damaged.insert(key.clone());
    }

    /// The archive cannot be deleted.
    pub fn is_stuck(&self, key: &ArtifactKey) {
        self.script().stuck.insert(key.clone());
    }

    /// The archive can be deleted again.
    pub fn is_free(&self, key: &ArtifactKey) {
        self.script().stuck.remove(key);
    }

    /// How often something was stored.
    pub fn stores(&self) -> usize {
        self.script().stores
    }

    /// How often what is stored of this source was listed.
    pub fn looked_at(&self, source: &ObjectName) -> usize {
        self.script().looked_at.iter().filter(|looked_at| *looked_at == source).count()
    }

    /// So many listings of everything fail from now on.
    pub fn fail_lists(&self, count: usize) {
        self.script().list_errors = count;
    }

    /// So many listings of everything panic from now on.
    pub fn panic_in_lists(&self, count: usize) {
        self.script().panics = count;
    }

    /// Pages of everything that were asked for.
    pub fn listed(&self) -> usize {
        self.script().listed
    }

    /// What was deleted, in its order.
    pub fn deleted(&self) -> Vec<ArtifactKey> {
        self.script().deleted.clone()
    }

    /// Whether deletions wait.
    pub fn hold_deletes(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Deletions that wait.
    pub fn deleting(&self) -> usize {
        self.script().deleting
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    fn begin_list(&self) -> Result<(), StorageError> {
        let mut script = self.script();
        script.listed += 1;
        if script.list_errors > 0 {
            script.list_errors -= 1;
            return Err(StorageError::Unavailable("on purpose".to_owned()));
        }
        let panics = script.panics > 0;
        script.panics = script.panics.saturating_sub(1);
        drop(script);
        assert!(!panics, "on purpose");
        Ok(())
    }

    fn is_damaged(&self, key: &ArtifactKey) -> bool {
        self.script().damaged.contains(key)
    }
}

#[async_trait]
impl Storage for FakeStorage {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let stored = self.memory.store(key, content).await?;
        let mut script = self.script();
        script.damaged.remove(key);
        script.stores += 1;
        Ok(stored)
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        if self.is_damaged(key) { Ok(None) } else { self.memory.retrieve(key, range).await }
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        if self.is_damaged(key) { Ok(None) } else { self.memory.stat(key).await }
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        match scope {
            Scope::All => self.begin_list()?,
            Scope::Source(source) => self.script().looked_at.push(source.clone()),
        }
        self.memory.list(scope, after).await
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        self.script().deleting += 1;
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        {
            let mut script = self.script();
            script.deleting -= 1;
            if script.stuck.contains(key) {
                return Err(StorageError::Unavailable("on purpose".to_owned()));
            }
            script.deleted.push(key.clone());
            script.damaged.remove(key);
        }
        self.memory.delete(key).await
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        if self.is_damaged(key) { Ok(Integrity::Damaged) } else { self.memory.verify(key).await }
    }

    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        self.memory.remove_unfinished(age).await
    }

    fn url(&self, key: &ArtifactKey) -> String {
        self.memory.url(key)
    }

    fn backend(&self) -> &'static str {
        "fake"
    }
}
