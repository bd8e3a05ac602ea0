//! Handing out an archive: the open file itself, or, where an observer has to hear of every read, pieces of it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::blocking;
use super::look::Opened;
use super::volume::Volume;
use crate::spool::FileRange;
use crate::storage::{ArtifactKey, ByteStream, Content, StorageError, StoredFile};

/// Size of the pieces.
const CHUNK: u64 = 64 * 1024;

/// The bytes of `range`, or all of them. A file that turns out shorter than it was is an error, never an end.
pub(super) fn content(volume: &Arc<Volume>, key: &ArtifactKey, opened: Opened, range: Option<Range<u64>>) -> Content {
    let size = opened.identity.size;
    let range = range.unwrap_or(0..size);
    let range = range.start.min(size)..range.end.min(size);
    if volume.disk.is_observed() {
        return stream(volume, key, opened, range).into();
    }
    let (volume, key) = (Arc::clone(volume), key.clone());
    let range = FileRange::new(Arc::new(opened.file), range, volume.is_local);
    Content::File(StoredFile::new(range).or_else(move |error| lost(&volume, &key, error)))
}

fn stream(volume: &Arc<Volume>, key: &ArtifactKey, opened: Opened, range: Range<u64>) -> ByteStream {
    let (volume, key, opened) = (Arc::clone(volume), key.clone(), Arc::new(opened));
    let pieces = stream::try_unfold(range.start, move |offset| {
        let (volume, key, opened) = (Arc::clone(&volume), key.clone(), Arc::clone(&opened));
        async move {
            if offset >= range.end {
                return Ok::<_, StorageError>(None);
            }
            let next = range.end.min(offset + CHUNK);
            let piece = blocking(move || piece(&volume, &key, &opened, offset..next)).await?;
            Ok(Some((piece, next)))
        }
    });
    pieces.boxed()
}

fn piece(volume: &Volume, key: &ArtifactKey, opened: &Opened, range: Range<u64>) -> Result<Bytes, StorageError> {
    let mut piece = vec![0; (range.end - range.start) as usize];
    let read = volume.disk.read(&opened.file, &opened.path, &mut piece, range.start);
    read.map_err(|error| lost(volume, key, error))?;
    Ok(piece.into())
}

/// What could not be read has to be looked at again before it is served again.
fn lost(volume: &Volume, key: &ArtifactKey, error: io::Error) -> StorageError {
    volume.known.forget(key);
    volume.failed("read an archive")(error).into()
}
