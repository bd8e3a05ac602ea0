//! One writer per volume: a lock on a file, which the kernel gives back when its process ends, however it ends. Over NFS
//! the server keeps it (nfs(5): flock is passed on as a lock of the whole file).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::FilesystemError;
use super::layout::Layout;

/// What fails when a volume has no locks.
pub(super) const LOCK: &str = "lock the writer's file";

/// Longest word of a holder that is quoted.
const HOLDER_LIMIT: u64 = 1024;

/// How often a lock file is opened anew that somebody removes at the same time.
const ATTEMPTS: usize = 3;

/// The right to write, held until it is dropped.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
    path: PathBuf,
    root: PathBuf,
    lost: AtomicBool,
}

impl WriterLock {
    /// Takes the lock; `holder` is what others are told while it is held.
    pub(super) fn take(layout: &Layout, holder: &str) -> Result<Self, FilesystemError> {
        let (root, path) = (layout.root(), layout.lock());
        let failed = |error| FilesystemError::of(root, LOCK, error);
        for _ in 0..ATTEMPTS {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FilesystemError::Locked { root: root.to_owned(), holder: holder_of(&file) });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            let lock = Self { file, path: path.clone(), root: root.to_owned(), lost: AtomicBool::new(false) };
            if lock.is_in_place() {
                lock.sign(holder).map_err(failed)?;
                return Ok(lock);
            }
        }
        Err(FilesystemError::LockLost { root: root.to_owned() })
    }

    /// Fails once the file that is locked is no longer the one that others would lock.
    pub(super) fn check(&self) -> Result<(), FilesystemError> {
        if self.is_in_place() {
            return Ok(());
        }
        self.lost.store(true, Ordering::Release);
        Err(FilesystemError::LockLost { root: self.root.clone() })
    }

    /// Whether a check has failed.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    fn is_in_place(&self) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let locked = self.file.metadata().map(identity).ok();
        locked.is_some() && locked == fs::metadata(&self.path).map(identity).ok()
    }

    /// For people: what is in the file decides nothing.
    fn sign(&self, holder: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(holder.as_bytes())
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Closing the file gives the lock back; nobody shall be named who no longer holds it.
        let _ = self.file.set_len(0);
    }
}

fn holder_of(file: &File) -> String {
    let mut holder = String::new();
    match file.take(HOLDER_LIMIT).read_to_string(&mut holder) {
        Ok(length) if length > 0 => holder.trim().to_owned(),
        _ => "one that does not say who it is".into(),
    }
}
