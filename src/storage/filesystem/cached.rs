//! Opening what the kernel has in memory, without waiting for a disk and so without a detour over a blocking thread, which
//! costs more than such a call (docs/performance.md). Whatever would have to wait is left to that detour.

use std::fs::File;
use std::path::Path;

/// The file, if the kernel has in memory what it needs to open it. Links are not followed.
#[cfg(target_os = "linux")]
pub(super) fn open(path: &Path) -> Option<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open(_: &Path) -> Option<File> {
    None
}
