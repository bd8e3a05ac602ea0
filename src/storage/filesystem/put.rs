//! Storing an archive, so that it is either whole under its name or not there, whatever happens in between: it is written
//! beside the archives and hashed on the way, made to last, given its name, and the name made to last.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::PoisonError;

use super::error::FilesystemError;
use super::known::{Finding, Identity};
use super::look::Look;
use super::volume::Volume;
use crate::digest::Hasher;
use crate::spool::Spool;
use crate::storage::{ArtifactKey, StorageError, StoredArtifact};

/// Bytes that are copied at once: enough that the calls cost nothing beside the copying.
const CHUNK: usize = 256 * 1024;

/// An archive under a name of its own, which goes with it unless it gets the right one.
struct Unfinished<'a> {
    volume: &'a Volume,
    path: PathBuf,
    file: File,
    is_named: bool,
}

impl Volume {
    /// Stores `content` under `key`. The caller holds the writer's lock.
    pub(super) fn put(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        let needing = |error: FilesystemError| error.needing(content.len());
        self.check_mounted()?;
        if let Some(stored) = self.keep(key, content.len()).map_err(needing)? {
            return Ok(stored);
        }
        let unfinished = self.write(key, content)?;
        self.name(key, unfinished).map_err(|error| needing(error).into())
    }

    /// What is stored under `key` already, made to last if it is sound.
    fn keep(&self, key: &ArtifactKey, size: u64) -> Result<Option<StoredArtifact>, FilesystemError> {
        let found = match self.look(key)? {
            // Of another size it can only be damaged, and that need not be found out by reading it.
            Look::Unknown(file) if file.identity.size == size => self.examine(key, file)?,
            found => found,
        };
        let Look::Sound(file) = found else { return Ok(None) };
        if self.known.finding(key, &file.identity) == Some(Finding::Durable) {
            return Ok(Some(file.stored(key)));
        }
        // Somebody wrote it who may not have lived to see it last.
        let failed = self.failed("make an archive durable");
        let _steady = self.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        self.disk.sync_file(&file.file, &file.path).map_err(&failed)?;
        let folder = self.make_folder(key.source())?;
        self.disk.sync_dir(&folder).map_err(&failed)?;
        self.known.note(key, file.identity, Finding::Durable);
        Ok(Some(file.stored(key)))
    }

    /// Copies `content` and makes it last, under a name that no archive has.
    fn write(&self, key: &ArtifactKey, content: &Spool) -> Result<Unfinished<'_>, StorageError> {
        let failed = |error| self.failed("write an archive")(error).needing(content.len());
        let path = self.layout.unfinished().join(format!("{:032x}", fastrand::u128(..)));
        self.writing().insert(path.clone());
        let file = self.disk.create_file(&path).map_err(|error| {
            self.writing().remove(&path);
            failed(error)
        })?;
        let unfinished = Unfinished { volume: self, path, file, is_named: false };
        let (mut reader, mut hasher, mut written) = (content.reader(), Hasher::default(), 0);
        let mut chunk = vec![0; CHUNK.min(content.len() as usize)];
        while written < content.len() {
            let length = reader.read(&mut chunk)?;
            if length == 0 {
                break;
            }
            hasher.update(&chunk[..length]);
            self.disk.write(&unfinished.file, &unfinished.path, &chunk[..length]).map_err(failed)?;
            written += length as u64;
        }
        let (expected, actual) = (key.digest(), hasher.finish());
        if actual != expected {
            return Err(StorageError::Corrupt { expected, actual });
        }
        self.disk.sync_file(&unfinished.file, &unfinished.path).map_err(failed)?;
        Ok(unfinished)
    }

    /// Gives an archive its name and makes that last.
    fn name(&self, key: &ArtifactKey, mut unfinished: Unfinished<'_>) -> Result<StoredArtifact, FilesystemError> {
        let failed = self.failed("name an archive");
        let path = self.file(key)?;
        let _alone = self.naming(key);
        if let Look::Sound(file) = self.look(key)?
            && self.known.finding(key, &file.identity) == Some(Finding::Durable)
        {
            // Somebody else was quicker.
            return Ok(file.stored(key));
        }
        let _steady = self.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        let folder = self.make_folder(key.source())?;
        let renamed = self.disk.rename(&unfinished.path, &path);
        if renamed.is_err() {
            // Perhaps somebody removed the folder behind our back; the next attempt makes sure.
            self.forget_folders(|_| true);
        }
        renamed.map_err(&failed)?;
        unfinished.is_named = true;
        let identity = Identity::of(&unfinished.file.metadata().map_err(&failed)?);
        self.known.note(key, identity, Finding::Sound);
        self.disk.sync_dir(&folder).map_err(&failed)?;
        self.known.note(key, identity, Finding::Durable);
        Ok(StoredArtifact { key: key.clone(), size: identity.size, stored_at: identity.stored_at() })
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_named
            && let Err(error) = self.volume.disk.remove_file(&self.path)
        {
            tracing::debug!(%error, "an unfinished archive could not be removed; the garbage collector does");
        }
        self.volume.writing().remove(&self.path);
    }
}
