//! A storage whose failures are counted, and told as outages: of reading, and apart from it of writing, because a full
//! volume serves all it has.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::metrics;
use super::outages::{Dependency, Outages};
use crate::spool::Spool;
use crate::storage::{ArtifactKey, Content, Integrity, Page, Scope, Storage, StorageError, StoredArtifact};

/// The storage that everybody uses, reported on.
pub struct Reported {
    storage: Arc<dyn Storage>,
    outages: Arc<Outages>,
}

impl Reported {
    /// `storage`, whose outages are told to `outages`.
    pub fn new(storage: Arc<dyn Storage>, outages: Arc<Outages>) -> Self {
        Self { storage, outages }
    }

    fn note<T>(
        &self,
        operation: &'static str,
        of: Dependency,
        result: Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match &result {
            Ok(_) => self.outages.over(of),
            Err(error) => {
                metrics::storage_failed(operation);
                if error.is_outage() {
                    self.outages.begin(of, error);
                }
            }
        }
        result
    }

    fn read<T>(&self, operation: &'static str, result: Result<T, StorageError>) -> Result<T, StorageError> {
        self.note(operation, Dependency::Storage, result)
    }
}

/// Other writes than stores say little about whether the storage takes more: a full one lets everything be removed,
/// and a sweep that finds nothing writes nothing.
fn count<T>(operation: &'static str, result: Result<T, StorageError>) -> Result<T, StorageError> {
    result.inspect_err(|_| metrics::storage_failed(operation))
}

#[async_trait]
impl Storage for Reported {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let stored = self.note("store", Dependency::StorageWrites, self.storage.store(key, content).await)?;
        metrics::stored(stored.size);
        Ok(stored)
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        self.read("retrieve", self.storage.retrieve(key, range).await)
    }

    async fn peek(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        self.read("stat", self.storage.peek(key).await)
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        self.read("stat", self.storage.stat(key).await)
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        self.read("list", self.storage.list(scope, after).await)
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        count("delete", self.storage.delete(key).await)
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        self.read("verify", self.storage.verify(key).await)
    }

    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        count("remove-unfinished", self.storage.remove_unfinished(age).await)
    }

    async fn lead(&self, leading: bool) -> Result<(), StorageError> {
        count("lead", self.storage.lead(leading).await)
    }

    async fn redirect(&self, key: &ArtifactKey) -> Result<Option<String>, StorageError> {
        self.storage.redirect(key).await
    }

    fn has_files(&self) -> bool {
        self.storage.has_files()
    }

    fn url(&self, key: &ArtifactKey) -> String {
        self.storage.url(key)
    }

    fn backend(&self) -> &'static str {
        self.storage.backend()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectName;
    use crate::spool::Spools;
    use crate::storage::memory::{MemorySettings, MemoryStorage};

    #[tokio::test]
    async fn a_full_storage_is_an_outage_of_writes_until_one_succeeds() {
        let outages = Arc::new(Outages::default());
        let settings = MemorySettings { capacity: 10, base_url: String::new() };
        let memory = MemoryStorage::new(settings, Arc::default());
        let storage = Reported::new(Arc::new(memory), Arc::clone(&outages));
        let store = async |content: &'static str| {
            let content = Spools::from_bytes(content);
            storage.store(&ArtifactKey::new(ObjectName::new("team-a", "config"), content.digest()), &content).await
        };
        store("more than fits into it").await.unwrap_err();
        storage.list(Scope::All, None).await.unwrap();
        let away = outages.all();
        assert!(matches!(&away[..], [("storage-writes", why)] if why.contains("full")), "{away:?}");
        store("fits").await.unwrap();
        assert_eq!(outages.all(), []);
    }

    #[tokio::test]
    async fn a_mistake_of_ours_is_no_outage() {
        let outages = Arc::new(Outages::default());
        let settings = MemorySettings { capacity: 10, base_url: String::new() };
        let storage = Reported::new(Arc::new(MemoryStorage::new(settings, Arc::default())), Arc::clone(&outages));
        let key = ArtifactKey::new(ObjectName::new("team-a", "config"), crate::digest::Digest::of(b"other"));
        storage.store(&key, &Spools::from_bytes("this")).await.unwrap_err();
        assert_eq!(outages.all(), []);
    }
}
