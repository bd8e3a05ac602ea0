//! The default backend: archives in this process's memory. Nothing survives a restart.
//!
//! When the capacity is reached, archives that nobody is told to fetch make place, oldest first; what is advertised
//! is never given up, so that a busy source cannot push out a quiet one.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Absence, ArtifactKey, Content, Page, Presence, Scope, Storage, StorageError, StoredArtifact};
use crate::digest::Digest;
use crate::spool::Spool;

/// Entries of one page of a listing: a read lock is held while they are copied, which takes well under a millisecond.
const PAGE_SIZE: usize = 1000;

/// How long another source's archive may wait to be advertised before it counts as not advertised: far longer than
/// the two writes that lie between storing and advertising.
const SETTLING: Duration = Duration::from_secs(60);

/// Settings of the memory backend.
#[derive(Debug, Clone)]
pub struct MemorySettings {
    /// Total size of all archives in bytes; beyond it storing is refused.
    pub capacity: u64,
    /// What comes before the key in every URL, without a trailing slash.
    pub base_url: String,
}

/// Archives in this process's memory.
#[derive(Debug)]
pub struct MemoryStorage {
    settings: MemorySettings,
    presence: Arc<Presence>,
    page_size: usize,
    settling: Duration,
    archives: RwLock<Archives>,
}

#[derive(Debug, Default)]
struct Archives {
    /// By the printed key: the order of listings.
    entries: BTreeMap<String, Entry>,
    /// Bytes of all entries, and of archives that are being read in.
    used: u64,
}

#[derive(Debug)]
struct Entry {
    stored: StoredArtifact,
    bytes: Bytes,
}

impl MemoryStorage {
    /// An empty storage; `presence` says which archives must not make place for others.
    pub fn new(settings: MemorySettings, presence: Arc<Presence>) -> Self {
        Self { settings, presence, page_size: PAGE_SIZE, settling: SETTLING, archives: RwLock::default() }
    }

    /// The same with other pages.
    #[cfg(test)]
    pub(crate) fn paged(self, page_size: usize) -> Self {
        Self { page_size, ..self }
    }

    /// Bytes that archives take up now.
    pub fn used(&self) -> u64 {
        self.read().used
    }

    // A panic while the lock was held cannot leave more behind than a wrong sum.
    fn read(&self) -> RwLockReadGuard<'_, Archives> {
        self.archives.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Archives> {
        self.archives.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets `needed` bytes aside for `key`, at the expense of what is not advertised.
    fn reserve(&self, key: &ArtifactKey, needed: u64) -> Result<Reservation<'_>, StorageError> {
        let mut archives = self.write();
        let capacity = self.settings.capacity;
        if archives.used.saturating_add(needed) > capacity {
            let excess = archives.used.saturating_add(needed) - capacity;
            // Nothing is given up unless it suffices.
            for victim in self.victims(&archives, key, excess).unwrap_or_default() {
                archives.remove(&victim);
                tracing::debug!(key = %victim, "gave up an archive that is not advertised: the memory storage is full");
            }
        }
        let free = capacity.saturating_sub(archives.used);
        if needed > free {
            return Err(StorageError::Full { needed, free, capacity });
        }
        archives.used += needed;
        Ok(Reservation { storage: self, bytes: needed })
    }

    /// What to give up for `key` so that `excess` bytes become free; `None` when there is not enough.
    fn victims(&self, archives: &Archives, key: &ArtifactKey, excess: u64) -> Option<Vec<String>> {
        let now = SystemTime::now();
        let mut candidates: Vec<_> =
            archives.entries.iter().filter(|(_, entry)| self.may_go(&entry.stored, key, now)).collect();
        candidates.sort_by_key(|(_, entry)| (entry.stored.key.source() != key.source(), entry.stored.stored_at));
        let mut freed = 0;
        let mut victims = Vec::new();
        for (name, entry) in candidates {
            if freed >= excess {
                break;
            }
            freed += entry.stored.size;
            victims.push(name.clone());
        }
        (freed >= excess).then_some(victims)
    }

    /// Whether `stored` may make place for `key`. A source is known to advertise nothing else than what it says; of
    /// another one that is certain only with a complete view, and once it had the time to advertise.
    fn may_go(&self, stored: &StoredArtifact, key: &ArtifactKey, now: SystemTime) -> bool {
        if stored.key.source() == key.source() {
            return !self.presence.is_advertised(&stored.key);
        }
        let age = now.duration_since(stored.stored_at).unwrap_or_default();
        age >= self.settling && self.presence.absence(&stored.key) == Absence::Known
    }
}

impl Archives {
    fn remove(&mut self, name: &str) {
        if let Some(entry) = self.entries.remove(name) {
            self.used -= entry.stored.size;
        }
    }
}

/// Bytes set aside; given back unless they became an entry.
struct Reservation<'a> {
    storage: &'a MemoryStorage,
    bytes: u64,
}

impl Reservation<'_> {
    fn fill(mut self, key: &ArtifactKey, bytes: Bytes) -> StoredArtifact {
        let stored = StoredArtifact { key: key.clone(), size: bytes.len() as u64, stored_at: SystemTime::now() };
        let mut archives = self.storage.write();
        // Somebody else may have stored the same bytes meanwhile.
        let entry = archives.entries.entry(key.to_string()).or_insert_with(|| {
            self.bytes = 0;
            Entry { stored, bytes }
        });
        entry.stored.clone()
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.storage.write().used -= self.bytes;
        }
    }
}

/// All bytes of `content`, without a copy when they are in memory already.
async fn read_in(content: &Spool) -> Result<(Bytes, Digest), StorageError> {
    if let Some(bytes) = content.in_memory() {
        return Ok((bytes.clone(), content.digest()));
    }
    let (mut reader, len) = (content.reader(), content.len());
    let read = move || {
        let mut bytes = Vec::with_capacity(len as usize);
        std::io::Read::read_to_end(&mut reader, &mut bytes)?;
        let digest = Digest::of(&bytes);
        Ok((bytes.into(), digest))
    };
    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let expected = key.digest();
        if content.digest() != expected {
            return Err(StorageError::Corrupt { expected, actual: content.digest() });
        }
        if let Some(stored) = self.stat(key).await? {
            return Ok(stored);
        }
        let reservation = self.reserve(key, content.len())?;
        let (bytes, actual) = read_in(content).await?;
        if actual != expected {
            return Err(StorageError::Corrupt { expected, actual });
        }
        Ok(reservation.fill(key, bytes))
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        let archives = self.read();
        let Some(entry) = archives.entries.get(&key.to_string()) else { return Ok(None) };
        let range = range.unwrap_or(0..entry.stored.size);
        let (start, end) = (range.start.min(entry.stored.size), range.end.min(entry.stored.size));
        // Both ends are at most the length of something in memory, so they fit.
        let bytes = entry.bytes.slice(start as usize..end.max(start) as usize);
        Ok(Some((entry.stored.clone(), Content::Memory(bytes))))
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        Ok(self.read().entries.get(&key.to_string()).map(|entry| entry.stored.clone()))
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        let prefix = match scope {
            Scope::All => String::new(),
            Scope::Source(source) => ArtifactKey::folder(source),
        };
        let start = match after {
            Some(after) if after >= prefix.as_str() => Bound::Excluded(after),
            _ => Bound::Included(prefix.as_str()),
        };
        let archives = self.read();
        let mut found = archives
            .entries
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(&prefix))
            .map(|(name, entry)| (name, &entry.stored));
        let page: Vec<_> = found.by_ref().take(self.page_size).collect();
        let more = found.next().is_some();
        Ok(Page {
            next: page.last().filter(|_| more).map(|(name, _)| (*name).clone()),
            entries: page.into_iter().map(|(_, stored)| stored.clone()).collect(),
        })
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        self.write().remove(&key.to_string());
        Ok(())
    }

    fn url(&self, key: &ArtifactKey) -> String {
        format!("{}/{key}", self.settings.base_url)
    }

    fn backend(&self) -> &'static str {
        "memory"
    }
}

#[cfg(test)]
mod tests;
