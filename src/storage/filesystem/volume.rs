//! A folder of archives as this process sees it. Everything here blocks and belongs on blocking threads.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::disk::Disk;
use super::error::FilesystemError;
use super::known::Known;
use super::layout::Layout;
use crate::api::ObjectName;
use crate::spool::is_local;
use crate::storage::ArtifactKey;

/// Locks for archives that get their names at the same time: more than there are such threads in practice.
const STRIPES: usize = 16;

/// The volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) layout: Layout,
    pub(super) disk: Disk,
    pub(super) known: Known,
    /// Whether the volume is of this machine.
    pub(super) is_local: bool,
    /// Device and inode of the root when it was opened.
    identity: (u64, u64),
    /// Folders whose names would survive a loss of power.
    durable: Mutex<HashSet<PathBuf>>,
    /// Held for reading while a file gets its name in a folder, for writing while empty folders go.
    pub(super) sweeping: RwLock<()>,
    naming: [Mutex<()>; STRIPES],
    /// Files that this process is writing, which no sweep takes for left behind.
    writing: Mutex<HashSet<PathBuf>>,
}

impl Volume {
    /// The volume at `root`, which is made if it is not there.
    pub(super) fn open(root: &Path, disk: Disk) -> Result<Self, FilesystemError> {
        let failed = |error| FilesystemError::of(root, "open the folder", error);
        DirBuilder::new().recursive(true).create(root).map_err(failed)?;
        let identity = identity(root).map_err(failed)?;
        Ok(Self {
            layout: Layout::new(root),
            disk,
            known: Known::default(),
            is_local: File::open(root).is_ok_and(|folder| is_local(&folder)),
            identity,
            durable: Mutex::default(),
            sweeping: RwLock::default(),
            naming: Default::default(),
            writing: Mutex::default(),
        })
    }

    /// Fails once the root is another folder than the one that was opened: what is not in it says nothing, and what is
    /// written to it is lost.
    pub(super) fn check_mounted(&self) -> Result<(), FilesystemError> {
        let root = self.layout.root();
        match identity(root) {
            Ok(identity) if identity == self.identity => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FilesystemError::of(root, "look at the folder", error))
            }
            _ => Err(FilesystemError::Vanished { root: root.to_owned() }),
        }
    }

    /// Makes the error of an attempt to `action`.
    pub(super) fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> FilesystemError {
        move |error| FilesystemError::of(self.layout.root(), action, error)
    }

    /// The file of an archive.
    pub(super) fn file(&self, key: &ArtifactKey) -> Result<PathBuf, FilesystemError> {
        self.layout.file(key).ok_or_else(|| FilesystemError::Name { name: key.source().to_string() })
    }

    /// Keeps others from giving the same archive its name.
    pub(super) fn naming(&self, key: &ArtifactKey) -> MutexGuard<'_, ()> {
        use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        // Nothing is behind the lock that a panic could have left half done.
        self.naming[hash as usize % STRIPES].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the folder of an object's archives so that it would survive a loss of power. To be called, and the folder
    /// used, with [`Self::sweeping`] held for reading.
    pub(super) fn make_folder(&self, source: &ObjectName) -> Result<PathBuf, FilesystemError> {
        let folder = self.layout.folder(source).ok_or_else(|| FilesystemError::Name { name: source.to_string() })?;
        let mut missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|ancestor| *ancestor != self.layout.root())
            .filter(|ancestor| !self.durable().contains(*ancestor))
            .collect();
        while let Some(next) = missing.pop() {
            self.make_dir(next)?;
        }
        Ok(folder)
    }

    /// Makes one folder, and its name durable, whoever made it.
    pub(super) fn make_dir(&self, path: &Path) -> Result<(), FilesystemError> {
        let failed = self.failed("create a folder");
        self.disk.create_dir(path).map_err(&failed)?;
        if let Some(parent) = path.parent() {
            self.disk.sync_dir(parent).map_err(&failed)?;
        }
        self.durable().insert(path.to_owned());
        Ok(())
    }

    /// Takes note that folders are gone, or may be.
    pub(super) fn forget_folders(&self, is_gone: impl Fn(&Path) -> bool) {
        self.durable().retain(|path| !is_gone(path));
    }

    /// Files that this process is writing.
    pub(super) fn writing(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Device and inode of a folder.
fn identity(root: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(root)?;
    if metadata.is_dir() { Ok((metadata.dev(), metadata.ino())) } else { Err(io::ErrorKind::NotADirectory.into()) }
}
