//! Settings of what is kept.

use std::path::PathBuf;
use std::time::Duration;

use super::Group;
use crate::config::parse::{capacity, duration, number, path, size};
use crate::config::setting::Setting;

/// Where archives are stored.
pub const BACKEND: Setting<()> =
    Setting::new("STORAGE_BACKEND", "memory", "NAME", backend, "Where artifacts are stored: memory")
        .key("storage.backend");
/// Capacity of the memory backend.
pub const MEMORY_CAPACITY: Setting<u64> = Setting::new(
    "MEMORY_STORAGE_CAPACITY",
    "256Mi",
    "SIZE",
    capacity,
    "Total size in bytes of all artifacts in memory; beyond it storing is refused",
);
/// How long retired revisions live.
pub const RETENTION_TTL: Setting<Duration> = Setting::new(
    "ARTIFACT_RETENTION_TTL",
    "5m",
    "DURATION",
    duration,
    "How long a revision lives on that is no longer advertised",
);
/// How many retired revisions live anyway.
pub const RETENTION_RECORDS: Setting<usize> = Setting::new(
    "ARTIFACT_RETENTION_RECORDS",
    "2",
    "NUMBER",
    number,
    "Revisions kept per object at least, whatever their age",
);

/// Where bodies go that are too large for memory.
pub const SPOOL_DIR: Setting<PathBuf> = Setting::optional(
    "SPOOL_DIR",
    "FOLDER",
    path,
    "Folder for what is too large for memory while it is worked on [default: the system's temporary folder]",
);
/// What is too large for memory.
pub const SPOOL_MEMORY_LIMIT: Setting<u64> = Setting::new(
    "SPOOL_MEMORY_LIMIT",
    "1Mi",
    "SIZE",
    size,
    "Bytes of one body or archive kept in memory; the rest goes to SPOOL_DIR",
);

fn backend(text: &str) -> Result<(), String> {
    match text {
        "memory" => Ok(()),
        "pvc" | "s3" => Err("is not in this version; only \"memory\" is".into()),
        _ => Err("must be \"memory\"".into()),
    }
}

/// The storage.
pub const GROUP: Group = Group {
    title: "Storage",
    settings: &[BACKEND.info, MEMORY_CAPACITY.info, RETENTION_TTL.info, RETENTION_RECORDS.info],
};

/// The storage of a local run.
pub const LOCAL: Group =
    Group { title: "Storage", settings: &[MEMORY_CAPACITY.info, RETENTION_TTL.info, RETENTION_RECORDS.info] };

/// Bytes on their way.
pub const SPOOL: Group = Group { title: "Spool", settings: &[SPOOL_DIR.info, SPOOL_MEMORY_LIMIT.info] };
