//! Bytes on their way through a run: in memory while they are few, in an unnamed temporary file beyond that, hashed
//! while they are written. Messages between actors carry a [`Spool`], never bytes.

mod range;
mod reader;
mod writer;

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

use crate::digest::Digest;

pub use range::{FileRange, is_local};
pub use reader::SpoolReader;
pub use writer::SpoolWriter;

/// Size of one read or write of a spool file: large enough that a hop to a blocking thread costs nothing beside it,
/// small enough that hundreds of downloads at once stay within tens of megabytes.
const CHUNK: usize = 256 * 1024;

/// Makes spools; cheap to clone.
#[derive(Debug, Clone)]
pub struct Spools {
    memory_limit: usize,
    directory: Arc<PathBuf>,
}

impl Spools {
    /// Spools that keep up to `memory_limit` bytes in memory and the rest in unnamed files in `directory`.
    pub fn new(memory_limit: usize, directory: impl Into<PathBuf>) -> Self {
        Self { memory_limit, directory: Arc::new(directory.into()) }
    }

    /// The same with at most `limit` bytes in memory.
    #[must_use]
    pub fn with_memory_limit(&self, limit: usize) -> Self {
        Self { memory_limit: self.memory_limit.min(limit), directory: Arc::clone(&self.directory) }
    }

    /// Bytes that are kept in memory at most.
    pub fn memory_limit(&self) -> usize {
        self.memory_limit
    }

    /// A new, empty spool to write to.
    pub fn writer(&self) -> SpoolWriter {
        SpoolWriter::new(self.memory_limit, Arc::clone(&self.directory))
    }

    /// A spool of bytes that are in memory already.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Spool {
        let bytes = bytes.into();
        Spool { digest: Digest::of(&bytes), len: bytes.len() as u64, content: Content::Memory(bytes) }
    }

    /// A spool file whose bytes are not those of its digest, as a damaged disk has them.
    #[cfg(test)]
    pub(crate) fn mislabelled(bytes: &[u8], digest: Digest) -> Spool {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        Spool { digest, len: bytes.len() as u64, content: Content::File(Arc::new(file)) }
    }
}

/// Complete bytes that can be read any number of times, from several places at once; cheap to clone. `Debug` shows none
/// of them: they may be secret.
#[derive(Clone)]
pub struct Spool {
    content: Content,
    len: u64,
    digest: Digest,
}

#[derive(Clone)]
enum Content {
    Memory(Bytes),
    File(Arc<File>),
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Spool {
    /// Number of bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes without a copy, when they are in memory.
    pub fn in_memory(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Memory(bytes) => Some(bytes),
            Content::File(_) => None,
        }
    }

    /// The file, when the bytes are in one.
    pub fn in_file(&self) -> Option<FileRange> {
        match &self.content {
            Content::Memory(_) => None,
            Content::File(file) => Some(FileRange::new(Arc::clone(file), 0..self.len, is_local(file))),
        }
    }

    /// A blocking reader from the start.
    pub fn reader(&self) -> SpoolReader {
        SpoolReader::new(self.clone())
    }

    /// The bytes of `range`, or all of them, in chunks of bounded size.
    pub fn stream(&self, range: Option<Range<u64>>) -> BoxStream<'static, io::Result<Bytes>> {
        let range = range.unwrap_or(0..self.len);
        let (start, end) = (range.start.min(self.len), range.end.min(self.len));
        match &self.content {
            Content::Memory(bytes) => {
                // Both ends are at most the length of something in memory, so they fit.
                let slice = bytes.slice(start as usize..end.max(start) as usize);
                stream::iter((!slice.is_empty()).then_some(Ok(slice))).boxed()
            }
            Content::File(file) => stream_file(Arc::clone(file), start, end),
        }
    }

    /// Reads at `offset` into `buffer`; returns 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.content {
            Content::Memory(bytes) => {
                let rest = bytes.get(offset as usize..).unwrap_or_default();
                let n = rest.len().min(buffer.len());
                buffer[..n].copy_from_slice(&rest[..n]);
                Ok(n)
            }
            Content::File(file) => file.read_at(buffer, offset),
        }
    }
}

fn stream_file(file: Arc<File>, start: u64, end: u64) -> BoxStream<'static, io::Result<Bytes>> {
    stream::try_unfold(start, move |offset| {
        let file = Arc::clone(&file);
        async move {
            if offset >= end {
                return Ok(None);
            }
            let want = (end - offset).min(CHUNK as u64) as usize;
            let chunk = tokio::task::spawn_blocking(move || read_chunk(&file, offset, want))
                .await
                .map_err(io::Error::other)??;
            let next = offset + chunk.len() as u64;
            Ok(Some((chunk, next)))
        }
    })
    .boxed()
}

fn read_chunk(file: &File, offset: u64, len: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; len];
    file.read_exact_at(&mut chunk, offset)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests;
