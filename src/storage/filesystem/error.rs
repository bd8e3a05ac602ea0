//! What can go wrong with a volume, said so that somebody who looks at the object's condition knows what to do.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::storage::Owner;

/// An operation on the volume that did not happen. All of them may pass by themselves or once the volume is mended, and
/// none of them harms what was stored before.
// Texts stay the same over repetitions, because a condition is written once as long as its message stays: paths of
// temporary files are left out, and amounts are rounded.
#[derive(Debug, thiserror::Error)]
pub enum FilesystemError {
    /// There is no room for the bytes (ENOSPC).
    #[error("the volume {root} is full: {needed} are needed, {free} are free; enlarge the volume, or store less")]
    NoSpace {
        /// The volume.
        root: PathBuf,
        /// What was to be stored.
        needed: Amount,
        /// What is left.
        free: Amount,
    },
    /// There is no room for another file, however small (ENOSPC).
    #[error("the volume {root} has no inode left for another file; enlarge the volume, or store less")]
    NoInodes {
        /// The volume.
        root: PathBuf,
    },
    /// The quota is used up (EDQUOT).
    #[error("the quota on the volume {root} is used up: {needed} are needed; raise the quota, or store less")]
    Quota {
        /// The volume.
        root: PathBuf,
        /// What was to be stored.
        needed: Amount,
    },
    /// The volume takes no writes (EROFS).
    #[error(
        "the volume {root} is read-only; if it is mounted read-write, its file system has met errors, and the node's \
         kernel log says which"
    )]
    ReadOnly {
        /// The volume.
        root: PathBuf,
    },
    /// This user may not do that (EACCES, EPERM).
    #[error("{user} may not {action} on the volume {root}; set the pod's fsGroup to a group that may")]
    Denied {
        /// The volume.
        root: PathBuf,
        /// What was denied.
        action: &'static str,
        /// As whom this process runs.
        user: User,
    },
    /// The root is no longer what was opened at the start, or its driver is gone (ENOTCONN).
    #[error(
        "the volume {root} was unmounted or replaced while it was in use; restart the pod once it is mounted again"
    )]
    Vanished {
        /// The volume.
        root: PathBuf,
    },
    /// A file server lost or replaced a file that was in use (ESTALE).
    #[error("the file server of the volume {root} no longer knows a file that was in use; it is looked up again")]
    Stale {
        /// The volume.
        root: PathBuf,
    },
    /// The volume cannot say who writes (ENOLCK, EOPNOTSUPP).
    #[error("the volume {root} has no file locks, which keep two writers apart; for NFS, mount version 4")]
    NoLocks {
        /// The volume.
        root: PathBuf,
    },
    /// Somebody else writes.
    #[error("the volume {root} has another writer: {holder}; two controllers must not share it, unless by PVC_SHARED")]
    Locked {
        /// The volume.
        root: PathBuf,
        /// Who that is, by its own word.
        holder: String,
    },
    /// The lock file was removed or replaced.
    #[error("the lock on the volume {root} was lost because its file was removed; it is taken anew")]
    LockLost {
        /// The volume.
        root: PathBuf,
    },
    /// This process is not the one that writes.
    #[error("the volume {root} is written to by the leader only")]
    NotWriter {
        /// The volume.
        root: PathBuf,
    },
    /// The volume belongs to another installation.
    #[error(
        "the volume {root} belongs to another installation: {owner}, and this one is {ours}; use another volume, or set \
         STORAGE_TAKE_OVER to {id:?} if that installation is gone for good", id = owner.id()
    )]
    Foreign {
        /// The volume.
        root: PathBuf,
        /// To whom it belongs.
        owner: Box<Owner>,
        /// Who we are.
        ours: Box<Owner>,
    },
    /// The owner marker cannot be understood.
    #[error("the file {path}, which says to whom the volume belongs, cannot be read: {why}; remove it to start anew")]
    Marker {
        /// The marker.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The name of an object that cannot be part of a path.
    #[error("{name} cannot be stored under its name")]
    Name {
        /// The object.
        name: String,
    },
    /// The volume did not answer in time.
    #[error(
        "the volume {root} did not answer within {seconds} s (could not {action}); look at its server, or at the node's \
         kernel log"
    )]
    Silent {
        /// The volume.
        root: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// Anything else.
    #[error("could not {action} on the volume {root}: {error}")]
    Failed {
        /// The volume.
        root: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl FilesystemError {
    /// What `error` means that came of trying to `action` below `root`.
    pub(super) fn of(root: &Path, action: &'static str, error: io::Error) -> Self {
        const ENOLCK: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };
        /// What a name takes.
        const BLOCK: Amount = Amount(4096);
        let root = root.to_owned();
        match error.kind() {
            ErrorKind::StorageFull => match room(&root) {
                Room { inodes: Some(0), .. } => Self::NoInodes { root },
                Room { bytes, .. } => Self::NoSpace { root, needed: BLOCK, free: Amount(bytes) },
            },
            ErrorKind::QuotaExceeded => Self::Quota { root, needed: BLOCK },
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { root },
            ErrorKind::PermissionDenied => Self::Denied { root, action, user: User },
            ErrorKind::NotConnected => Self::Vanished { root },
            ErrorKind::StaleNetworkFileHandle => Self::Stale { root },
            ErrorKind::Unsupported if action == super::lock::LOCK => Self::NoLocks { root },
            _ if error.raw_os_error() == Some(ENOLCK) => Self::NoLocks { root },
            _ => Self::Failed { root, action, error },
        }
    }

    /// The same error of an attempt to store so many bytes.
    pub(super) fn needing(mut self, bytes: u64) -> Self {
        if let Self::NoSpace { needed, .. } | Self::Quota { needed, .. } = &mut self {
            *needed = Amount(bytes);
        }
        self
    }

    /// Whether the bytes themselves cannot be read: the device says so, or the file is shorter than it was.
    pub(super) fn is_about_content(&self) -> bool {
        const EIO: i32 = 5;
        let Self::Failed { error, .. } = self else { return false };
        error.raw_os_error() == Some(EIO) || error.kind() == ErrorKind::UnexpectedEof
    }
}

/// What is left on a volume.
struct Room {
    bytes: u64,
    /// `None` where files are not counted.
    inodes: Option<u64>,
}

#[cfg(target_os = "linux")]
fn room(root: &Path) -> Room {
    match rustix::fs::statvfs(root) {
        Ok(state) => Room {
            bytes: state.f_bavail.saturating_mul(state.f_frsize),
            inodes: (state.f_files > 0).then_some(state.f_favail),
        },
        Err(_) => Room { bytes: 0, inodes: None },
    }
}

#[cfg(not(target_os = "linux"))]
fn room(_: &Path) -> Room {
    Room { bytes: 0, inodes: None }
}

/// A number of bytes for people, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub u64);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 10 << 30 => write!(f, "{} GiB", bytes >> 30),
            bytes if bytes >= 10 << 20 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 20 => write!(f, "{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
            bytes => write!(f, "{} KiB", bytes.div_ceil(1 << 10)),
        }
    }
}

/// As whom this process runs; looked up when it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User;

impl fmt::Display for User {
    #[cfg(target_os = "linux")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        write!(f, "user {user}, group {group}")
    }

    #[cfg(not(target_os = "linux"))]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this user")
    }
}
