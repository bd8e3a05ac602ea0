//! What is known about the bytes of objects, as long as these are the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::primitives::DateTime;

use crate::storage::ArtifactKey;

/// Archives that are remembered to be sound: beyond, they are read again. Some megabytes.
const CAPACITY: usize = 20_000;

/// What tells one object under a key from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub etag: Option<String>,
    pub size: u64,
    pub modified: Option<DateTime>,
}

/// Whether an object's bytes have the digest of its key.
#[derive(Debug, Default)]
pub(super) struct Known {
    objects: Mutex<HashMap<ArtifactKey, (Identity, bool)>>,
}

impl Known {
    /// Whether the object is sound; `None` when nobody has read it.
    pub fn is_sound(&self, key: &ArtifactKey, identity: &Identity) -> Option<bool> {
        let objects = self.objects();
        let (known, sound) = objects.get(key)?;
        (known == identity).then_some(*sound)
    }

    /// Takes note of what reading the object has shown.
    pub fn note(&self, key: &ArtifactKey, identity: Identity, sound: bool) {
        let mut objects = self.objects();
        if objects.len() >= CAPACITY {
            objects.retain(|_, (_, sound)| !*sound);
        }
        objects.insert(key.clone(), (identity, sound));
    }

    /// The object is gone, or about to be another one.
    pub fn forget(&self, key: &ArtifactKey) {
        self.objects().remove(key);
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<ArtifactKey, (Identity, bool)>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
