//! What this process has found out about files by reading them: no archive is served, and none counts as stored, before
//! its digest was computed once. A file that changes in any way is unknown again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::SystemTime;

use dashmap::DashMap;

use crate::storage::ArtifactKey;

/// Files that are remembered at most, at about 300 bytes each. Beyond it all are read again, which costs time and harms
/// nobody; only files that others delete, or that nobody deletes, can add up to so many.
const LIMIT: usize = 100_000;

/// Tells the state of a file from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    pub(super) size: u64,
    modified: SystemTime,
    changed: (i64, i64),
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            // Every system that this builds for has such times.
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// When the file was written, which is when the archive was stored.
    pub(super) fn stored_at(&self) -> SystemTime {
        self.modified
    }
}

/// What was found out about one state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Its digest is not the one in its name.
    Damaged,
    /// Its digest is right; whether it would survive a loss of power is unknown.
    Sound,
    /// Its digest is right, and it would survive a loss of power under its name.
    Durable,
}

/// The findings of this process.
#[derive(Debug, Default)]
pub(super) struct Known {
    findings: DashMap<ArtifactKey, (Identity, Finding)>,
}

impl Known {
    /// What is known of this state of the file.
    pub(super) fn finding(&self, key: &ArtifactKey, identity: &Identity) -> Option<Finding> {
        self.findings.get(key).filter(|entry| entry.0 == *identity).map(|entry| entry.1)
    }

    /// Remembers a finding in place of what was known.
    pub(super) fn note(&self, key: &ArtifactKey, identity: Identity, finding: Finding) {
        if self.findings.len() >= LIMIT {
            self.findings.clear();
        }
        self.findings.insert(key.clone(), (identity, finding));
    }

    /// Forgets what was known of a file.
    pub(super) fn forget(&self, key: &ArtifactKey) {
        self.findings.remove(key);
    }
}
