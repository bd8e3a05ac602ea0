//! A cache keeps every promise of the backend behind it, and those of its own.

mod away;
mod bounds;
mod copies;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::TryStreamExt as _;

use super::*;
use crate::api::ObjectName;
use crate::storage::conformance;
use crate::storage::memory::{MemorySettings, MemoryStorage};

/// Room for a few small copies in memory and a few larger ones in files.
const SMALL: CacheSettings = CacheSettings { memory: 64 << 10, disk: 1 << 20 };

/// A backend that can be away, hand out wrong bytes, and tells what it was asked for.
struct Backend {
    memory: MemoryStorage,
    away: AtomicBool,
    damaged: Mutex<Option<ArtifactKey>>,
    retrieved: AtomicUsize,
    looked: AtomicUsize,
    verified: AtomicUsize,
}

impl Backend {
    fn new() -> Arc<Self> {
        let settings = MemorySettings { capacity: 256 << 20, base_url: "http://artifacts.example".into() };
        Arc::new(Self {
            memory: MemoryStorage::new(settings, Arc::default()).paged(conformance::PAGE_SIZE),
            away: AtomicBool::default(),
            damaged: Mutex::default(),
            retrieved: AtomicUsize::default(),
            looked: AtomicUsize::default(),
            verified: AtomicUsize::default(),
        })
    }

    fn reach(&self) -> Result<(), StorageError> {
        if self.away.load(Ordering::Relaxed) { Err(StorageError::Unavailable("gone".into())) } else { Ok(()) }
    }

    fn go_away(&self) {
        self.away.store(true, Ordering::Relaxed);
    }

    fn retrieved(&self) -> usize {
        self.retrieved.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Storage for Backend {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        self.reach()?;
        self.memory.store(key, content).await
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        self.retrieved.fetch_add(1, Ordering::Relaxed);
        // Lets others come in between.
        tokio::task::yield_now().await;
        self.reach()?;
        let found = self.memory.retrieve(key, range).await?;
        let is_damaged = self.damaged.lock().unwrap().as_ref() == Some(key);
        Ok(found.map(|(stored, content)| match content {
            Content::Memory(bytes) if is_damaged => (stored, Content::Memory(vec![b'?'; bytes.len()].into())),
            content => (stored, content),
        }))
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        self.reach()?;
        self.memory.stat(key).await
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        self.reach()?;
        self.memory.list(scope, after).await
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        self.reach()?;
        self.memory.delete(key).await
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        self.reach()?;
        let is_damaged = self.damaged.lock().unwrap().as_ref() == Some(key);
        Ok(if is_damaged { Integrity::Damaged } else { Integrity::Sound })
    }

    fn url(&self, key: &ArtifactKey) -> String {
        self.memory.url(key)
    }

    fn backend(&self) -> &'static str {
        "memory"
    }
}

struct Bed {
    backend: Arc<Backend>,
    presence: Arc<Presence>,
    cache: Arc<Cached>,
}

impl Bed {
    fn new(settings: CacheSettings) -> Self {
        let (backend, presence) = (Backend::new(), Arc::new(Presence::default()));
        let spools = Spools::new(16 << 10, std::env::temp_dir());
        let cache = Cached::new(Arc::clone(&backend) as Arc<_>, settings, &spools, Arc::clone(&presence));
        Self { backend, presence, cache: Arc::new(cache) }
    }

    /// Stores an archive of this size behind the cache's back.
    async fn put(&self, name: &str, size: usize) -> ArtifactKey {
        let (key, archive) = archive(name, size);
        self.backend.store(&key, &archive).await.unwrap();
        key
    }

    async fn get(&self, key: &ArtifactKey) -> Option<Vec<u8>> {
        self.try_get(key, None).await.unwrap()
    }

    async fn try_get(&self, key: &ArtifactKey, range: Option<Range<u64>>) -> Result<Option<Vec<u8>>, StorageError> {
        let Some((_, content)) = self.cache.retrieve(key, range).await? else { return Ok(None) };
        content.into_stream().try_collect::<Vec<_>>().await.map(|chunks| Some(chunks.concat()))
    }

    /// Which of these archives are there without the backend.
    async fn kept<'a>(&self, keys: &[&'a ArtifactKey]) -> Vec<&'a ArtifactKey> {
        self.backend.go_away();
        let mut kept = Vec::new();
        for key in keys {
            if self.try_get(key, None).await.is_ok() {
                kept.push(*key);
            }
        }
        self.backend.away.store(false, Ordering::Relaxed);
        kept
    }
}

fn content(name: &str, size: usize) -> Vec<u8> {
    let mut bytes = vec![b'-'; size];
    let length = name.len().min(size);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    bytes
}

fn archive(name: &str, size: usize) -> (ArtifactKey, Spool) {
    let spool = Spools::from_bytes(content(name, size));
    (ArtifactKey::new(ObjectName::new("team-a", name), spool.digest()), spool)
}

/// The same as the controller makes it: in a file when it is large.
async fn spooled(name: &str, size: usize) -> (ArtifactKey, Spool) {
    let mut writer = Spools::new(16 << 10, std::env::temp_dir()).writer();
    writer.write(&content(name, size)).await.unwrap();
    let spool = writer.finish().await.unwrap();
    (ArtifactKey::new(ObjectName::new("team-a", name), spool.digest()), spool)
}

fn open(settings: CacheSettings) -> (Cached, ()) {
    let settings_of_memory = MemorySettings { capacity: 128 << 20, base_url: "http://artifacts.example".into() };
    let backend = MemoryStorage::new(settings_of_memory, Arc::default()).paged(conformance::PAGE_SIZE);
    let spools = Spools::new(16 << 10, std::env::temp_dir());
    (Cached::new(Arc::new(backend), settings, &spools, Arc::default()), ())
}

mod roomy {
    use super::*;
    conformance::each_behaviour!(open(CacheSettings { memory: 1 << 20, disk: 1 << 30 }));
}

mod narrow {
    use super::*;
    conformance::each_behaviour!(open(CacheSettings { memory: 2000, disk: 0 }));
}
