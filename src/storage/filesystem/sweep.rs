//! Deleting, and removing what nobody needs: empty folders, and archives that a dead writer left unfinished.

use std::fs;
use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use super::disk::is_absent;
use super::error::FilesystemError;
use super::volume::Volume;
use crate::storage::ArtifactKey;

impl Volume {
    /// Removes an archive, and the folders that it leaves empty. The caller holds the writer's lock.
    // Without a sync: what comes back after a loss of power is an old revision, which is cleaned up again.
    pub(super) fn delete(&self, key: &ArtifactKey) -> Result<(), FilesystemError> {
        self.check_mounted()?;
        let Some(path) = self.layout.file(key) else { return Ok(()) };
        self.disk.remove_file(&path).map_err(self.failed("delete an archive"))?;
        self.known.forget(key);
        if let Some(folder) = path.parent() {
            self.remove_if_empty(folder);
        }
        Ok(())
    }

    /// Removes a folder and the ones above it as far as they are empty, but not the folder of all archives. A folder
    /// that stays harms nobody, so that errors are only told.
    fn remove_if_empty(&self, folder: &Path) {
        // Nobody gives a file a name in it meanwhile.
        let _alone = self.sweeping.write().unwrap_or_else(PoisonError::into_inner);
        let archives = self.layout.archives();
        for folder in folder.ancestors().take_while(|folder| *folder != archives) {
            self.forget_folders(|path| path == folder);
            match self.disk.remove_dir(folder) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::debug!(%error, "an empty folder could not be removed"),
            }
        }
    }

    /// Removes the empty folders that deletions of a process that was killed have left. Each is removed within `allow`,
    /// which calls what it is given while this process may write.
    pub(super) fn sweep_folders(&self, allow: impl Fn(&dyn Fn())) {
        for namespace in subfolders(&self.layout.archives()) {
            let names = subfolders(&namespace);
            for name in names.iter().filter(|name| is_empty(name)) {
                allow(&|| self.remove_if_empty(name));
            }
            if names.is_empty() && is_empty(&namespace) {
                allow(&|| self.remove_if_empty(&namespace));
            }
        }
    }

    /// Removes unfinished archives that nobody has written to for `age`; says how many. The caller holds the writer's
    /// lock; when it has just taken it, all of them are left from writers that are gone.
    pub(super) fn sweep_unfinished(&self, age: Duration) -> Result<usize, FilesystemError> {
        let failed = self.failed("remove unfinished archives");
        let mut removed = 0;
        let now = SystemTime::now();
        for entry in fs::read_dir(self.layout.unfinished()).map_err(&failed)? {
            let entry = entry.map_err(&failed)?;
            let modified = match entry.metadata().and_then(|metadata| metadata.modified()) {
                Err(error) if is_absent(&error) => continue,
                modified => modified.map_err(&failed)?,
            };
            // A time to come is one of another clock.
            let is_due = age.is_zero() || now.duration_since(modified).is_ok_and(|idle| idle >= age);
            if is_due
                && !self.writing().contains(&entry.path())
                && self.disk.remove_file(&entry.path()).map_err(&failed)?
            {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// The folders in a folder; none when it cannot be read.
fn subfolders(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
