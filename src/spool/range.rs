//! Bytes of a file that nobody changes, for those who hand them on: without waiting while the kernel has them in memory,
//! and otherwise over a blocking thread, which costs more than such a read (docs/performance.md).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

/// Size of the pieces: a slow reader has one or two of them pending, and there may be a thousand slow readers.
const CHUNK: u64 = 64 * 1024;

/// Distance of the samples of [`FileRange::is_warm`]: what Linux reads ahead by default.
const SAMPLE: usize = 128 * 1024;

/// A part of an open file; cheap to clone.
#[derive(Debug, Clone)]
pub struct FileRange {
    file: Arc<File>,
    range: Range<u64>,
    is_local: bool,
}

impl FileRange {
    /// These bytes of `file`. `is_local` says whether reading waits for nothing but a disk ([`is_local`]).
    pub fn new(file: Arc<File>, range: Range<u64>, is_local: bool) -> Self {
        Self { file, range, is_local }
    }

    /// The file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where its bytes begin and end in the file.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Number of bytes.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether reading waits for nothing but a disk.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Those of its bytes that are within `part`, which counts from its first byte.
    #[must_use]
    pub fn part(&self, part: Range<u64>) -> Self {
        let end = self.range.end.min(self.range.start.saturating_add(part.end));
        let start = self.range.start.saturating_add(part.start).min(end);
        Self { range: start..end, ..self.clone() }
    }

    /// Takes up to `length` bytes off its front.
    #[must_use]
    pub fn split_to(&mut self, length: u64) -> Self {
        let front = self.part(0..length);
        self.range.start = front.range.end;
        front
    }

    /// All of it, if the kernel has it in memory: never waits for a disk.
    pub fn at_hand(&self) -> Option<Bytes> {
        let mut bytes = vec![0; self.len() as usize];
        let read = self.is_local.then(|| system::read(&self.file, &mut bytes, self.range.start)).flatten()?;
        (read == bytes.len()).then(|| bytes.into())
    }

    /// Whether the kernel has it in memory, as far as samples tell: what is read ahead or given up together is larger than
    /// what is between them.
    pub fn is_warm(&self) -> bool {
        let mut byte = [0];
        let mut samples = self.range.clone().step_by(SAMPLE).chain(self.range.end.checked_sub(1));
        self.is_empty() || self.is_local && samples.all(|at| system::read(&self.file, &mut byte, at) == Some(1))
    }

    /// Reads all of it for nobody, so that the kernel has it in memory. A file that ends earlier is an error.
    pub fn warm(&self) -> io::Result<()> {
        let (mut rest, mut buffer) = (self.clone(), vec![0; CHUNK.min(self.len()) as usize]);
        while !rest.is_empty() {
            let piece = rest.split_to(CHUNK);
            self.file.read_exact_at(&mut buffer[..piece.len() as usize], piece.range.start)?;
        }
        Ok(())
    }

    /// All of it; waits for whatever it takes. A file that ends earlier is an error.
    pub fn read(&self) -> io::Result<Bytes> {
        let mut bytes = vec![0; self.len() as usize];
        self.file.read_exact_at(&mut bytes, self.range.start)?;
        Ok(bytes.into())
    }

    /// All of it, in pieces of bounded size. A file that ends earlier is an error, never an end.
    pub fn stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        let pieces = stream::try_unfold(self, |mut rest| async move {
            if rest.is_empty() {
                return Ok(None);
            }
            let piece = rest.split_to(CHUNK);
            let bytes = match piece.at_hand() {
                Some(bytes) => bytes,
                None => tokio::task::spawn_blocking(move || piece.read()).await.map_err(io::Error::other)??,
            };
            Ok(Some((bytes, rest)))
        });
        pieces.boxed()
    }
}

/// Whether reading this file, or what is in this folder, never waits for anything but a disk. Network file systems ask
/// their servers.
pub fn is_local(file: &File) -> bool {
    system::is_local(file)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::IoSliceMut;

    use rustix::fs::fstatfs;
    use rustix::io::{ReadWriteFlags, preadv2};

    /// Local file systems by their magic numbers (statfs(2)): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, tmpfs, overlayfs.
    const LOCAL: [u32; 7] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630];

    pub(super) fn is_local(file: &File) -> bool {
        fstatfs(file).is_ok_and(|state| u32::try_from(state.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
    }

    pub(super) fn read(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
        preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::fs::File;

    pub(super) fn is_local(_: &File) -> bool {
        false
    }

    pub(super) fn read(_: &File, _: &mut [u8], _: u64) -> Option<usize> {
        None
    }
}
