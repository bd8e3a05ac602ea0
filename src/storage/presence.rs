//! What ought to be stored: tells an archive that never was from one that is being rebuilt. Consumers give up on the
//! one (404) and try again on the other (503).

use std::sync::atomic::{AtomicBool, Ordering};

use dashmap::DashMap;

use super::ArtifactKey;
use crate::api::ObjectName;

/// What it means that an archive is not in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It is known not to exist.
    Known,
    /// It may exist elsewhere, or is advertised and will be rebuilt.
    Unknown,
}

/// The advertised archives. Written by the actors, read by the artifact server.
#[derive(Debug, Default)]
pub struct Presence {
    complete: AtomicBool,
    advertised: DashMap<ObjectName, ArtifactKey>,
}

impl Presence {
    /// Says whether every object was seen; while not (starting, standby), nothing is known to be absent.
    pub fn set_complete(&self, complete: bool) {
        self.complete.store(complete, Ordering::Release);
    }

    /// Forgets everything: somebody else decides now what is advertised.
    pub fn reset(&self) {
        self.set_complete(false);
        self.advertised.clear();
    }

    /// Notes what `source` advertises now; `None` when it advertises nothing or is gone.
    pub fn advertise(&self, source: &ObjectName, key: Option<ArtifactKey>) {
        match key {
            Some(key) => drop(self.advertised.insert(source.clone(), key)),
            None => drop(self.advertised.remove(source)),
        }
    }

    /// What `source` advertises now.
    pub fn advertised(&self, source: &ObjectName) -> Option<ArtifactKey> {
        self.advertised.get(source).map(|entry| entry.value().clone())
    }

    /// Whether `key` is what its source advertises now.
    pub fn is_advertised(&self, key: &ArtifactKey) -> bool {
        self.advertised.get(key.source()).is_some_and(|entry| entry.value() == key)
    }

    /// Whether every object was seen.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// What all sources together advertise now, as far as it is `wanted`.
    pub fn all_advertised(&self, wanted: impl Fn(&ArtifactKey) -> bool) -> Vec<ArtifactKey> {
        self.advertised.iter().filter(|entry| wanted(entry.value())).map(|entry| entry.value().clone()).collect()
    }

    /// What it means that `key` is not in the storage.
    pub fn absence(&self, key: &ArtifactKey) -> Absence {
        if self.is_advertised(key) { Absence::Unknown } else { self.absence_of_unadvertised() }
    }

    /// What it means that something that no object advertises is not in the storage.
    pub fn absence_of_unadvertised(&self) -> Absence {
        if self.is_complete() { Absence::Known } else { Absence::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn only_a_complete_view_knows_what_is_absent() {
        let presence = Presence::default();
        let source = ObjectName::new("team-a", "config");
        let advertised = ArtifactKey::new(source.clone(), Digest::of(b"1"));
        let other = ArtifactKey::new(source.clone(), Digest::of(b"2"));
        assert_eq!(presence.absence(&other), Absence::Unknown);
        presence.set_complete(true);
        presence.advertise(&source, Some(advertised.clone()));
        assert_eq!(presence.absence(&other), Absence::Known);
        assert_eq!(presence.absence(&advertised), Absence::Unknown);
        presence.advertise(&source, None);
        assert_eq!(presence.absence(&advertised), Absence::Known);
    }
}
