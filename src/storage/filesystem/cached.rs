//! Opening and reading what the kernel has in memory, without waiting for a disk and so without a detour over a blocking
//! thread, which costs more than such a call (docs/performance.md). Whatever would have to wait is left to that detour.
//! `sendfile` would save the copy too, but the socket belongs to the HTTP server.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

/// Whether opening a file below `root` never waits for anything but a disk. Network file systems ask their servers.
pub(super) fn is_local(root: &Path) -> bool {
    system::is_local(root)
}

/// The file, if the kernel has in memory what it needs to open it. Links are not followed.
pub(super) fn open(path: &Path) -> Option<File> {
    system::open(path)
}

/// These bytes, if the kernel has all of them in memory.
pub(super) fn read(file: &File, offset: u64, length: usize) -> Option<Bytes> {
    let mut bytes = vec![0; length];
    (system::read(file, &mut bytes, offset)? == length).then(|| bytes.into())
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::IoSliceMut;
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, statfs};
    use rustix::io::{ReadWriteFlags, preadv2};

    /// Local file systems by their magic numbers (statfs(2)): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, tmpfs, overlayfs.
    const LOCAL: [u32; 7] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630];

    pub(super) fn is_local(root: &Path) -> bool {
        statfs(root).is_ok_and(|state| u32::try_from(state.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
    }

    pub(super) fn open(path: &Path) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
    }

    pub(super) fn read(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
        preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;
    use std::path::Path;

    pub(super) fn is_local(_: &Path) -> bool {
        false
    }

    pub(super) fn open(_: &Path) -> Option<File> {
        None
    }

    pub(super) fn read(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
        None
    }
}
