//! Looking at stored archives: what is there, and whether it is what its name says.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::path::PathBuf;

use super::cached;
use super::error::FilesystemError;
use super::known::{Finding, Identity};
use super::volume::Volume;
use crate::digest::Hasher;
use crate::storage::{ArtifactKey, Integrity, StoredArtifact};

/// Bytes that are hashed at once.
const CHUNK: usize = 256 * 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

impl Opened {
    /// What the rest of the program calls it.
    pub(super) fn stored(&self, key: &ArtifactKey) -> StoredArtifact {
        StoredArtifact { key: key.clone(), size: self.identity.size, stored_at: self.identity.stored_at() }
    }
}

/// What is under a key.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing.
    Absent,
    /// Bytes that are not those of the key.
    Damaged,
    /// Bytes that this process has not read yet.
    Unknown(Opened),
    /// Bytes that are those of the key.
    Sound(Opened),
}

impl Volume {
    /// The file of an archive that was found sound before, if that needs no waiting: the one call here that does not block.
    pub(super) fn glance(&self, key: &ArtifactKey) -> Option<Opened> {
        if !self.is_local || self.disk.is_observed() {
            return None;
        }
        let path = self.layout.file(key)?;
        let file = cached::open(&path)?;
        let identity = Identity::of(&file.metadata().ok().filter(Metadata::is_file)?);
        let finding = self.known.finding(key, &identity)?;
        matches!(finding, Finding::Sound | Finding::Durable).then_some(Opened { file, path, identity })
    }

    /// What is under `key`, as far as that is known without reading it.
    pub(super) fn look(&self, key: &ArtifactKey) -> Result<Look, FilesystemError> {
        let Some(opened) = self.open_file(key)? else {
            self.known.forget(key);
            self.check_mounted()?;
            return Ok(Look::Absent);
        };
        Ok(match self.known.finding(key, &opened.identity) {
            None => Look::Unknown(opened),
            Some(Finding::Damaged) => Look::Damaged,
            Some(Finding::Sound | Finding::Durable) => Look::Sound(opened),
        })
    }

    /// Reads a file of which nothing is known, and remembers what came of it.
    pub(super) fn examine(&self, key: &ArtifactKey, opened: Opened) -> Result<Look, FilesystemError> {
        // Somebody else may have been here first.
        match self.known.finding(key, &opened.identity) {
            Some(Finding::Damaged) => return Ok(Look::Damaged),
            Some(Finding::Sound | Finding::Durable) => return Ok(Look::Sound(opened)),
            None => {}
        }
        Ok(if self.is_sound(key, &opened)? { Look::Sound(opened) } else { Look::Damaged })
    }

    /// Reads what is under `key`, whatever is known of it.
    pub(super) fn verify(&self, key: &ArtifactKey) -> Result<Integrity, FilesystemError> {
        let Some(opened) = self.open_file(key)? else {
            self.known.forget(key);
            self.check_mounted()?;
            return Ok(Integrity::Absent);
        };
        Ok(if self.is_sound(key, &opened)? { Integrity::Sound } else { Integrity::Damaged })
    }

    /// Computes the digest of a file. What cannot be read is as good as damaged, because storing it again may mend it;
    /// but that is not remembered, because it may be read again.
    fn is_sound(&self, key: &ArtifactKey, opened: &Opened) -> Result<bool, FilesystemError> {
        let digest = match self.digest(opened) {
            Ok(digest) => digest,
            Err(error) if error.is_about_content() => {
                tracing::warn!(%key, %error, "a stored archive cannot be read");
                self.known.forget(key);
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let identity = Identity::of(&opened.file.metadata().map_err(self.failed("read an archive"))?);
        if identity != opened.identity {
            tracing::warn!(%key, "a stored archive was changed while it was read");
            return Ok(false);
        }
        let is_sound = digest == key.digest();
        let before = self.known.finding(key, &identity);
        match (is_sound, before) {
            (true, Some(Finding::Durable)) => {}
            (true, _) => self.known.note(key, identity, Finding::Sound),
            (false, _) => {
                if before != Some(Finding::Damaged) {
                    tracing::warn!(%key, %digest, "a stored archive is damaged; it is not served");
                }
                self.known.note(key, identity, Finding::Damaged);
            }
        }
        Ok(is_sound)
    }

    fn digest(&self, opened: &Opened) -> Result<crate::digest::Digest, FilesystemError> {
        let mut hasher = Hasher::default();
        let mut chunk = vec![0; CHUNK.min(opened.identity.size as usize)];
        let mut offset = 0;
        while offset < opened.identity.size {
            let length = (opened.identity.size - offset).min(CHUNK as u64) as usize;
            let read = self.disk.read(&opened.file, &opened.path, &mut chunk[..length], offset);
            read.map_err(self.failed("read an archive"))?;
            hasher.update(&chunk[..length]);
            offset += length as u64;
        }
        Ok(hasher.finish())
    }

    /// Opens the file of an archive; `None` when there is none.
    fn open_file(&self, key: &ArtifactKey) -> Result<Option<Opened>, FilesystemError> {
        // What cannot be a path was never stored.
        let Some(path) = self.layout.file(key) else { return Ok(None) };
        let opened = match self.disk.open(&path) {
            // The path led to a file that was replaced on the server; looked up again, it leads to the new one.
            Err(error) if error.kind() == ErrorKind::StaleNetworkFileHandle => self.disk.open(&path),
            opened => opened,
        };
        let failed = self.failed("open an archive");
        let Some(file) = opened.map_err(&failed)? else { return Ok(None) };
        let identity = Identity::of(&file.metadata().map_err(&failed)?);
        Ok(Some(Opened { file, path, identity }))
    }
}
