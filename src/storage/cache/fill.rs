//! Making copies of archives that are asked for: one at a time of each, whoever waits for it, and none of bytes whose
//! digest is wrong.

use std::sync::Arc;

use dashmap::DashMap;
use futures::future::{BoxFuture, FutureExt as _, Shared};
use futures::stream::StreamExt as _;
use tokio::sync::Semaphore;

use super::shelf::{Copy, Shelf};
use crate::spool::{Spool, Spools};
use crate::storage::{ArtifactKey, Content, Storage, StorageError};

/// Copies that are made at once: enough to keep a network busy.
const AT_ONCE: usize = 4;

/// What came of making a copy.
#[derive(Debug, Clone)]
pub(super) enum Filled {
    /// It is there.
    Copy(Arc<Copy>),
    /// There was no place for it.
    NoRoom,
    /// There is no such archive.
    Absent,
}

type Outcome = Result<Filled, Arc<StorageError>>;
type UnderWay = Arc<DashMap<ArtifactKey, Shared<BoxFuture<'static, Outcome>>>>;

/// Makes copies.
pub(super) struct Fills {
    maker: Arc<Maker>,
    under_way: UnderWay,
}

struct Maker {
    backend: Arc<dyn Storage>,
    shelf: Arc<Shelf>,
    spools: Spools,
    turns: Semaphore,
}

/// Ends the wait for a copy, also when making it crashes.
struct Entry {
    key: ArtifactKey,
    under_way: UnderWay,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.under_way.remove(&self.key);
    }
}

impl Fills {
    pub(super) fn new(backend: Arc<dyn Storage>, shelf: Arc<Shelf>, spools: Spools) -> Self {
        let maker = Maker { backend, shelf, spools, turns: Semaphore::new(AT_ONCE) };
        Self { maker: Arc::new(maker), under_way: Arc::default() }
    }

    /// Whether an archive of this size may have a copy.
    pub(super) fn may_hold(&self, size: u64) -> bool {
        self.maker.shelf.fits(size, self.maker.is_for_disk(size))
    }

    /// Makes a copy, or waits for who does. It is made even if nobody waits.
    pub(super) async fn fill(&self, key: &ArtifactKey) -> Result<Filled, StorageError> {
        let begin = || {
            let entry = Entry { key: key.clone(), under_way: Arc::clone(&self.under_way) };
            let maker = Arc::clone(&self.maker);
            // Spawned once somebody waits: here, the entry's place in the map is locked, and a runtime that shuts down drops
            // what is spawned, and the entry with it, at once.
            let outcome = async move {
                let made = tokio::spawn(async move { maker.make(&entry.key).await.map_err(Arc::new) });
                made.await.unwrap_or_else(|crash| Err(Arc::new(std::io::Error::other(crash).into())))
            };
            outcome.boxed().shared()
        };
        let outcome = self.under_way.entry(key.clone()).or_insert_with(begin).clone();
        outcome.await.map_err(StorageError::Shared)
    }
}

fn without_copy(error: &std::io::Error) -> Option<Spool> {
    tracing::warn!(%error, "no copy of an archive could be made in SPOOL_DIR; it is served from the storage itself");
    None
}

impl Maker {
    fn is_for_disk(&self, size: u64) -> bool {
        size > self.spools.memory_limit() as u64
    }

    async fn make(&self, key: &ArtifactKey) -> Result<Filled, StorageError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        // Somebody else may have been here first.
        if let Some(copy) = self.shelf.get(key) {
            return Ok(Filled::Copy(copy));
        }
        let Some((stored, content)) = self.backend.retrieve(key, None).await? else { return Ok(Filled::Absent) };
        let on_disk = self.is_for_disk(stored.size);
        let Some(place) = self.shelf.reserve(key, stored.size, on_disk, false) else { return Ok(Filled::NoRoom) };
        let Some(copy) = self.read(content).await? else { return Ok(Filled::NoRoom) };
        if copy.digest() != key.digest() {
            let (expected, actual) = (key.digest(), copy.digest());
            tracing::warn!(%key, %actual, "a stored archive is damaged; it is not served");
            // So that it is known to be, and rebuilt.
            self.backend.verify(key).await?;
            return Err(StorageError::Corrupt { expected, actual });
        }
        Ok(Filled::Copy(place.put(stored, &copy)))
    }

    /// `None` when it is the spool that fails: the backend has the archive all the same.
    async fn read(&self, content: Content) -> Result<Option<Spool>, StorageError> {
        let mut writer = self.spools.writer();
        let mut stream = content.into_stream();
        while let Some(chunk) = stream.next().await {
            if let Err(error) = writer.write(&chunk?).await {
                return Ok(without_copy(&error));
            }
        }
        Ok(writer.finish().await.map_or_else(|error| without_copy(&error), Some))
    }
}
