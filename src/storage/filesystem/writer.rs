//! The right to write: taken at the start or with leadership, taken again when it got lost, held by every write until it is
//! over, and given up only after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::error::FilesystemError;
use super::lock::WriterLock;
use super::volume::Volume;
use super::{FilesystemSettings, blocking};
use crate::storage::StorageError;

/// As long as it lives, nobody else writes.
pub(super) type Guard = OwnedRwLockReadGuard<Option<WriterLock>>;

/// Whether this process writes.
#[derive(Debug)]
pub(super) struct Writer {
    settings: Arc<FilesystemSettings>,
    volume: Arc<Volume>,
    /// Whether this process is the one that shall write.
    wanted: Arc<AtomicBool>,
    /// Held for reading by every write.
    lock: Arc<RwLock<Option<WriterLock>>>,
}

fn is_held(lock: Option<&WriterLock>) -> bool {
    lock.is_some_and(|lock| !lock.is_lost())
}

impl Writer {
    pub(super) fn new(settings: Arc<FilesystemSettings>, volume: Arc<Volume>) -> Self {
        Self { settings, volume, wanted: Arc::default(), lock: Arc::default() }
    }

    /// From now on, this process is the one that writes.
    pub(super) async fn become_writer(&self) -> Result<(), StorageError> {
        self.wanted.store(true, Ordering::Release);
        self.take().await.map(drop)
    }

    /// From now on, somebody else writes. The lock is given up once the writes under way are over, also if nobody waits
    /// for that.
    pub(super) async fn give_up(&self) -> Result<(), StorageError> {
        self.wanted.store(false, Ordering::Release);
        let (wanted, lock) = (Arc::clone(&self.wanted), Arc::clone(&self.lock));
        let giving_up = tokio::spawn(async move {
            let mut lock = lock.write_owned().await;
            if !wanted.load(Ordering::Acquire) {
                *lock = None;
            }
        });
        giving_up.await.map_err(|error| std::io::Error::other(error).into())
    }

    /// The right to write.
    pub(super) async fn guard(&self) -> Result<Guard, StorageError> {
        self.check_wanted()?;
        let guard = Arc::clone(&self.lock).read_owned().await;
        if is_held(guard.as_ref()) {
            return Ok(guard);
        }
        drop(guard);
        self.take().await
    }

    fn check_wanted(&self) -> Result<(), FilesystemError> {
        if self.wanted.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(FilesystemError::NotWriter { root: self.settings.root.clone() })
    }

    async fn take(&self) -> Result<Guard, StorageError> {
        let mut lock = Arc::clone(&self.lock).write_owned().await;
        // It may have been given up while we waited.
        self.check_wanted()?;
        if !is_held(lock.as_ref()) {
            *lock = None;
            let (volume, settings) = (Arc::clone(&self.volume), Arc::clone(&self.settings));
            *lock = Some(blocking(move || Ok(volume.claim(&settings)?)).await?);
            self.sweep_folders();
        }
        Ok(lock.downgrade())
    }

    /// Takes its time on a large volume. Nobody waits for it, and it keeps nobody from giving the lock back.
    fn sweep_folders(&self) {
        let (volume, lock) = (Arc::clone(&self.volume), Arc::downgrade(&self.lock));
        tokio::task::spawn_blocking(move || {
            volume.sweep_folders(|remove| {
                let Some(lock) = lock.upgrade() else { return };
                if is_held(lock.blocking_read().as_ref()) {
                    remove();
                }
            });
        });
    }
}
