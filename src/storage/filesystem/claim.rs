//! Becoming the writer of a volume: the lock, the owner marker, and the remains of the writer before.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use super::FilesystemSettings;
use super::error::FilesystemError;
use super::lock::WriterLock;
use super::volume::Volume;
use crate::storage::Owner;
use crate::storage::owner::Claim;

impl Volume {
    /// Takes the writer's lock and the volume itself. Whatever is unfinished was left by a writer that is gone.
    pub(super) fn claim(&self, settings: &FilesystemSettings) -> Result<WriterLock, FilesystemError> {
        self.check_mounted()?;
        self.check_owner(settings)?;
        for folder in [self.layout.private(), self.layout.unfinished()] {
            self.make_dir(&folder)?;
        }
        let lock = WriterLock::take(&self.layout, &settings.holder)?;
        // Only now nobody else can write it.
        if self.check_owner(settings)? == Claim::Open {
            self.mark(&settings.owner)?;
        }
        let removed = self.sweep_unfinished(Duration::ZERO)?;
        if removed > 0 {
            tracing::info!(removed, "removed archives that the last writer left unfinished");
        }
        Ok(lock)
    }

    /// Fails when the volume belongs to somebody else.
    pub(super) fn check_owner(&self, settings: &FilesystemSettings) -> Result<Claim, FilesystemError> {
        let found = self.owner()?;
        match (settings.owner.claim(found.as_ref(), settings.take_over.as_deref()), found) {
            (Claim::Foreign, Some(owner)) => Err(FilesystemError::Foreign {
                root: self.layout.root().to_owned(),
                owner: Box::new(owner),
                ours: Box::new(settings.owner.clone()),
            }),
            (claim, _) => Ok(claim),
        }
    }

    fn owner(&self) -> Result<Option<Owner>, FilesystemError> {
        let path = self.layout.marker();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(self.failed("read the owner marker"))?,
        };
        let why = |error: serde_json::Error| FilesystemError::Marker { path, why: error.to_string() };
        serde_json::from_slice(&bytes).map(Some).map_err(why)
    }

    /// Writes the marker as archives are written: whole, and to last.
    fn mark(&self, owner: &Owner) -> Result<(), FilesystemError> {
        let failed = self.failed("write the owner marker");
        let mut text = serde_json::to_vec_pretty(owner).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let path = self.layout.unfinished().join("owner.json");
        // The remains of one who was killed here.
        self.disk.remove_file(&path).map_err(&failed)?;
        let file = self.disk.create_file(&path).map_err(&failed)?;
        self.disk.write(&file, &path, &text).map_err(&failed)?;
        self.disk.sync_file(&file, &path).map_err(&failed)?;
        self.disk.rename(&path, &self.layout.marker()).map_err(&failed)?;
        self.disk.sync_dir(&self.layout.private()).map_err(&failed)?;
        tracing::info!(%owner, root = %self.layout.root().display(), "took the volume");
        Ok(())
    }
}
