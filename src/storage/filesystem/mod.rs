//! Archives in a folder of a volume, which survive everything that the volume does.
//!
//! Files are written once and never changed (`put`). One process writes, by a lock (`lock`) and an owner marker (`claim`);
//! any number read. Nothing is taken on trust: an archive is served once its digest was computed (`known`, `look`), so that
//! whatever else is found on a volume is neither served nor removed, unless it has the name of an archive and is due for
//! deletion like any other.

mod cached;
mod claim;
mod disk;
mod error;
#[cfg(feature = "fault-injection")]
mod faults;
mod known;
mod layout;
mod list;
mod lock;
mod look;
mod put;
mod read;
mod sweep;
mod volume;
mod writer;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

pub use error::{Amount, FilesystemError, User};

use self::disk::Disk;
use self::look::{Look, Opened};
use self::volume::Volume;
use self::writer::Writer;
use super::{ArtifactKey, Content, Integrity, Owner, Page, Scope, Storage, StorageError, StoredArtifact};
use crate::spool::Spool;

/// Entries of one page of a listing: about a megabyte.
const PAGE_SIZE: usize = 1000;

/// Archives that are read at once to compute their digests: enough to keep a disk busy, and few enough to leave a core
/// to everything else.
const EXAMINATIONS: usize = 2;

/// Settings of the filesystem backend.
#[derive(Debug, Clone)]
pub struct FilesystemSettings {
    /// The folder; made if it is not there.
    pub root: PathBuf,
    /// Whether other replicas use the same folder: then the one that leads writes, and otherwise this process always.
    pub shared: bool,
    /// What comes before the key in every URL, without a trailing slash.
    pub base_url: String,
    /// Who we are.
    pub owner: Owner,
    /// The [`Owner::id`] of the owner whose folder becomes ours.
    pub take_over: Option<String>,
    /// What another writer is told while this process holds the lock.
    pub holder: String,
    /// How long the volume may take for one operation; a store gets a second more for each MiB.
    pub timeout: Duration,
}

/// Threads that may wait for the volume at once. One that does not answer keeps them, and must not get all that there are.
const WAITING: usize = 64;

/// What a store gets a second more for.
const SLOW: u64 = 1 << 20;

/// Archives in a folder.
#[derive(Debug)]
pub struct FilesystemStorage {
    settings: Arc<FilesystemSettings>,
    volume: Arc<Volume>,
    writer: Writer,
    examining: Semaphore,
    waiting: Arc<Semaphore>,
    page_size: usize,
}

impl FilesystemStorage {
    /// Opens the folder; fails when it belongs to somebody else, or, unless it is shared, when somebody else writes.
    pub async fn open(settings: FilesystemSettings) -> Result<Self, StorageError> {
        Self::open_on(settings, disk()).await
    }

    async fn open_on(settings: FilesystemSettings, disk: Disk) -> Result<Self, StorageError> {
        let settings = Arc::new(settings);
        let (ours, shared) = (Arc::clone(&settings), settings.shared);
        let opening = blocking(move || {
            let volume = Volume::open(&ours.root, disk)?;
            volume.check_owner(&ours)?;
            Ok(Arc::new(volume))
        });
        let volume = within(&settings, "open the folder", settings.timeout, opening).await?;
        let writer = Writer::new(Arc::clone(&settings), Arc::clone(&volume));
        if !shared {
            writer.become_writer().await?;
        }
        Ok(Self {
            settings,
            volume,
            writer,
            examining: Semaphore::new(EXAMINATIONS),
            waiting: Arc::new(Semaphore::new(WAITING)),
            page_size: PAGE_SIZE,
        })
    }

    /// Does something that only the writer may do. The right to write is kept until it is over, even if nobody waits.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Volume) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let guard = self.writer.guard().await?;
        let volume = Arc::clone(&self.volume);
        self.blocking(move || {
            if let Some(lock) = &*guard {
                lock.check()?;
            }
            work(&volume)
        })
        .await
    }

    /// The same as [`blocking`], but few at once.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        // The semaphore is never closed. The permit is kept until the work is over, even if nobody waits.
        let permit = Arc::clone(&self.waiting).acquire_owned().await;
        blocking(move || {
            let _permit = permit;
            work()
        })
        .await
    }

    /// Fails once the volume has not answered for too long. What was begun goes on; nobody waits for it any more.
    async fn within<T>(
        &self,
        action: &'static str,
        work: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        within(&self.settings, action, self.settings.timeout, work).await
    }

    /// The archive, if it is there and sound.
    async fn find(&self, key: &ArtifactKey) -> Result<Option<Opened>, StorageError> {
        if let Some(opened) = self.volume.glance(key) {
            return Ok(Some(opened));
        }
        let (volume, name) = (Arc::clone(&self.volume), key.clone());
        let mut found = self.within("look at an archive", self.blocking(move || Ok(volume.look(&name)?))).await?;
        if let Look::Unknown(opened) = found {
            // The semaphore is never closed.
            let _permit = self.examining.acquire().await;
            let (volume, name) = (Arc::clone(&self.volume), key.clone());
            found = self.blocking(move || Ok(volume.examine(&name, opened)?)).await?;
        }
        Ok(match found {
            Look::Sound(opened) => Some(opened),
            Look::Absent | Look::Damaged | Look::Unknown(_) => None,
        })
    }
}

#[cfg(not(feature = "fault-injection"))]
fn disk() -> Disk {
    Disk::default()
}

#[cfg(feature = "fault-injection")]
fn disk() -> Disk {
    faults::disk()
}

async fn within<T>(
    settings: &FilesystemSettings,
    action: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, StorageError>> + Send,
) -> Result<T, StorageError> {
    let silent = |_| FilesystemError::Silent { root: settings.root.clone(), action, seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.map_err(silent)?
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

#[async_trait]
impl Storage for FilesystemStorage {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let (expected, actual) = (key.digest(), content.digest());
        if actual != expected {
            return Err(StorageError::Corrupt { expected, actual });
        }
        let (key, content) = (key.clone(), content.clone());
        let limit = self.settings.timeout + Duration::from_secs(content.len() / SLOW);
        within(&self.settings, "store an archive", limit, self.write(move |volume| volume.put(&key, &content))).await
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        let Some(opened) = self.find(key).await? else { return Ok(None) };
        let stored = opened.stored(key);
        Ok(Some((stored, read::content(&self.volume, key, opened, range))))
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        Ok(self.find(key).await?.map(|opened| opened.stored(key)))
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        let (volume, page_size) = (Arc::clone(&self.volume), self.page_size);
        let source = match scope {
            Scope::All => None,
            Scope::Source(source) => Some(source.clone()),
        };
        let after = after.map(str::to_owned);
        let listing = self.blocking(move || {
            let scope = source.as_ref().map_or(Scope::All, Scope::Source);
            Ok(volume.list(scope, after.as_deref(), page_size)?)
        });
        self.within("list archives", listing).await
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        let key = key.clone();
        self.within("delete an archive", self.write(move |volume| Ok(volume.delete(&key)?))).await
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        let _permit = self.examining.acquire().await;
        let (volume, key) = (Arc::clone(&self.volume), key.clone());
        self.blocking(move || Ok(volume.verify(&key)?)).await
    }

    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        self.within("remove unfinished archives", self.write(move |volume| Ok(volume.sweep_unfinished(age)?))).await
    }

    async fn lead(&self, leading: bool) -> Result<(), StorageError> {
        match (leading, self.settings.shared) {
            (true, _) => self.writer.become_writer().await,
            (false, true) => self.writer.give_up().await,
            // What nobody shares is ours as long as we live.
            (false, false) => Ok(()),
        }
    }

    fn has_files(&self) -> bool {
        true
    }

    fn url(&self, key: &ArtifactKey) -> String {
        format!("{}/{key}", self.settings.base_url)
    }

    fn backend(&self) -> &'static str {
        "pvc"
    }
}

#[cfg(test)]
mod tests;
