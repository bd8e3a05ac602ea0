//! The removals themselves, to be run in one source's turn of the storage work: nothing is stored for it meanwhile.

use std::ops::AddAssign;

use tokio_util::sync::CancellationToken;

use crate::storage::{ArtifactKey, Integrity, Storage, StorageError};

/// What came of one removal.
#[derive(Debug)]
pub struct Removal {
    /// The archive.
    pub key: ArtifactKey,
    /// Whether it was removed; not when there was no longer any reason to.
    pub result: Result<bool, StorageError>,
}

/// What came of several removals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Archives that were removed.
    pub removed: usize,
    /// Archives that could not be removed.
    pub failed: usize,
}

impl Removed {
    /// Counts one.
    pub fn count(&mut self, removal: &Removal) {
        match removal.result {
            Ok(removed) => self.removed += usize::from(removed),
            Err(_) => self.failed += 1,
        }
    }
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.removed += other.removed;
        self.failed += other.failed;
    }
}

/// Removes archives of one source, until `stop`; tells each.
pub async fn remove_orphans(
    storage: &dyn Storage,
    keys: Vec<ArtifactKey>,
    stop: &CancellationToken,
    mut tell: impl FnMut(Removal),
) {
    for key in keys {
        if stop.is_cancelled() {
            return;
        }
        let result = storage.delete(&key).await.map(|()| true);
        tell(Removal { key, result });
    }
}

/// Removes an archive that was found damaged, unless it was mended or removed since.
pub async fn remove_damaged(storage: &dyn Storage, key: ArtifactKey, stop: &CancellationToken) -> Option<Removal> {
    let result = match storage.verify(&key).await {
        Ok(Integrity::Damaged) if stop.is_cancelled() => return None,
        Ok(Integrity::Damaged) => storage.delete(&key).await.map(|()| true),
        Ok(Integrity::Sound | Integrity::Absent) => Ok(false),
        Err(error) => Err(error),
    };
    Some(Removal { key, result })
}
