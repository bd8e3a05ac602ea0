//! What a storage hands out: bytes that are in memory, bytes of a file, or a stream of them. Who sends them on can then
//! choose the way that costs least.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};

use super::StorageError;
use crate::spool::FileRange;

/// The bytes of a stored archive, or a range of them, in bounded chunks.
pub type ByteStream = BoxStream<'static, Result<Bytes, StorageError>>;

/// Size of the pieces in which bytes in memory are handed out: what a slow reader has pending counts as sent, so they are
/// small beside an archive.
const CHUNK: usize = 256 * 1024;

/// What an error while a file is read means for its storage.
type Lost = Arc<dyn Fn(io::Error) -> StorageError + Send + Sync>;

/// The bytes of a stored archive, or a range of them.
pub enum Content {
    /// They are in memory.
    Memory(Bytes),
    /// They are in a file.
    File(StoredFile),
    /// They come one after the other.
    Stream(ByteStream),
}

/// Bytes of a file of a storage.
#[derive(Clone)]
pub struct StoredFile {
    range: FileRange,
    lost: Option<Lost>,
}

impl Content {
    /// The bytes in bounded chunks, wherever they are.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Memory(bytes) => in_chunks(bytes),
            Self::File(file) => file.into_stream(),
            Self::Stream(stream) => stream,
        }
    }
}

impl From<ByteStream> for Content {
    fn from(stream: ByteStream) -> Self {
        Self::Stream(stream)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory(_) => "Memory",
            Self::File(_) => "File",
            Self::Stream(_) => "Stream",
        })
    }
}

impl StoredFile {
    /// These bytes, which nobody changes as long as they are sound.
    pub fn new(range: FileRange) -> Self {
        Self { range, lost: None }
    }

    /// The same; the storage hears of it when they cannot be read.
    #[must_use]
    pub fn or_else(self, lost: impl Fn(io::Error) -> StorageError + Send + Sync + 'static) -> Self {
        Self { lost: Some(Arc::new(lost)), ..self }
    }

    /// Where the bytes are.
    pub fn range(&self) -> &FileRange {
        &self.range
    }

    /// Takes up to `length` bytes off its front.
    #[must_use]
    pub fn split_to(&mut self, length: u64) -> Self {
        Self { range: self.range.split_to(length), lost: self.lost.clone() }
    }

    /// What it means that they could not be read.
    pub fn lost(&self, error: io::Error) -> StorageError {
        match &self.lost {
            Some(lost) => lost(error),
            None => error.into(),
        }
    }

    /// The bytes in bounded chunks.
    pub fn into_stream(self) -> ByteStream {
        let pieces = self.range.clone().stream();
        pieces.map(move |piece| piece.map_err(|error| self.lost(error))).boxed()
    }
}

fn in_chunks(mut bytes: Bytes) -> ByteStream {
    let chunks = std::iter::from_fn(move || {
        let chunk = bytes.split_to(bytes.len().min(CHUNK));
        (!chunk.is_empty()).then_some(Ok(chunk))
    });
    stream::iter(chunks).boxed()
}
