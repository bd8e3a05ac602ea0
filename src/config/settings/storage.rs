//! Settings of what is kept.

use std::path::PathBuf;
use std::time::Duration;

use super::Group;
use crate::config::parse::{absolute_path, boolean, capacity, duration, id, number, path, period, size};
use crate::config::setting::{BOOL, Setting};

/// Where archives are stored.
pub const BACKEND: Setting<Backend> = Setting::new(
    "STORAGE_BACKEND",
    "memory",
    "NAME",
    backend,
    "Where artifacts are stored: memory, pvc (a folder of a volume) or s3 (a bucket)",
)
.key("storage.backend");
/// The folder of the filesystem backend.
pub const PVC_PATH: Setting<PathBuf> =
    Setting::new("PVC_STORAGE_PATH", "/data/artifacts", "PATH", absolute_path, "Folder of the artifacts, for pvc")
        .key("storage.pvc.path");
/// Whether the folder is shared.
pub const PVC_SHARED: Setting<bool> = Setting::new(
    "PVC_SHARED",
    "false",
    BOOL,
    boolean,
    "Whether all replicas mount the same folder (ReadWriteMany): the leader writes, and each serves every artifact",
);
/// How long the folder may take.
pub const PVC_TIMEOUT: Setting<Duration> = Setting::new(
    "PVC_TIMEOUT",
    "30s",
    "DURATION",
    period,
    "Limit for the folder to answer, for pvc; a store gets a second more for each MiB",
);
/// Whose storage becomes ours.
pub const TAKE_OVER: Setting<String> = Setting::optional(
    "STORAGE_TAKE_OVER",
    "TEXT",
    id,
    "Take the storage over from this other installation, which is gone for good, as the refusal names it",
);
/// Capacity of the memory backend.
pub const MEMORY_CAPACITY: Setting<u64> = Setting::new(
    "MEMORY_STORAGE_CAPACITY",
    "256Mi",
    "SIZE",
    capacity,
    "Total size in bytes of all artifacts in memory; beyond it storing is refused",
);
/// Copies in memory.
pub const CACHE_MEMORY: Setting<u64> = Setting::new(
    "STORAGE_CACHE_MEMORY",
    "32Mi",
    "SIZE",
    size,
    "Bytes of small artifacts of a backend other than memory that are kept in memory as well; 0: none",
);
/// Copies in files.
pub const CACHE_DISK: Setting<u64> = Setting::optional(
    "STORAGE_CACHE_DISK",
    "SIZE",
    size,
    "Bytes of larger artifacts of a backend that are kept in SPOOL_DIR as well [default: 1Gi for s3 served by the controller, else 0]",
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
/// Time between the garbage collector's rounds.
pub const COLLECT_INTERVAL: Setting<Duration> = Setting::new(
    "STORAGE_COLLECT_INTERVAL",
    "10m",
    "DURATION",
    period,
    "Time between the rounds of the garbage collector",
);
/// When garbage is removed.
pub const STALE_AFTER: Setting<Duration> = Setting::new(
    "STORAGE_STALE_AFTER",
    "1h",
    "DURATION",
    duration,
    "How old archives that no object claims, and stores that never ended, have to be before they are removed",
);
/// Within which time everything is verified.
pub const VERIFY_PERIOD: Setting<Duration> = Setting::new(
    "STORAGE_VERIFY_PERIOD",
    "24h",
    "DURATION",
    duration,
    "Within which time each archive is read once to compare it with its digest; 0 for never",
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

/// Values of `STORAGE_BACKEND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// This process's memory.
    Memory,
    /// A folder of a volume.
    Pvc,
    /// A bucket.
    S3,
}

fn backend(text: &str) -> Result<Backend, String> {
    match text {
        "memory" => Ok(Backend::Memory),
        "pvc" => Ok(Backend::Pvc),
        "s3" => Ok(Backend::S3),
        _ => Err("must be \"memory\", \"pvc\" or \"s3\"".into()),
    }
}

/// The storage.
pub const GROUP: Group = Group {
    title: "Storage",
    settings: &[
        BACKEND.info,
        MEMORY_CAPACITY.info,
        PVC_PATH.info,
        PVC_SHARED.info,
        PVC_TIMEOUT.info,
        TAKE_OVER.info,
        CACHE_MEMORY.info,
        CACHE_DISK.info,
        RETENTION_TTL.info,
        RETENTION_RECORDS.info,
        COLLECT_INTERVAL.info,
        STALE_AFTER.info,
        VERIFY_PERIOD.info,
    ],
};

/// The storage of a local run.
pub const LOCAL: Group = Group {
    title: "Storage",
    settings: &[
        BACKEND.info,
        MEMORY_CAPACITY.info,
        PVC_PATH.info,
        PVC_TIMEOUT.info,
        CACHE_MEMORY.info,
        CACHE_DISK.info,
        RETENTION_TTL.info,
        RETENTION_RECORDS.info,
        COLLECT_INTERVAL.info,
        STALE_AFTER.info,
        VERIFY_PERIOD.info,
    ],
};

/// Bytes on their way.
pub const SPOOL: Group = Group { title: "Spool", settings: &[SPOOL_DIR.info, SPOOL_MEMORY_LIMIT.info] };
