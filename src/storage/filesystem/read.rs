//! Handing out an archive in pieces of bounded size.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::look::Opened;
use super::volume::Volume;
use super::{blocking, cached};
use crate::storage::{ArtifactKey, ByteStream, StorageError};

/// Size of the pieces: a slow reader has one or two of them pending, and there may be a thousand slow readers.
const CHUNK: u64 = 64 * 1024;

/// The bytes of `range`, or all of them. A file that turns out shorter than it was is an error, never an end.
pub(super) fn stream(volume: &Arc<Volume>, key: &ArtifactKey, opened: Opened, range: Option<Range<u64>>) -> ByteStream {
    let size = opened.identity.size;
    let range = range.unwrap_or(0..size);
    let (start, end) = (range.start.min(size), range.end.min(size));
    let (volume, key, opened) = (Arc::clone(volume), key.clone(), Arc::new(opened));
    let pieces = stream::try_unfold(start, move |offset| {
        let (volume, key, opened) = (Arc::clone(&volume), key.clone(), Arc::clone(&opened));
        async move {
            if offset >= end {
                return Ok::<_, StorageError>(None);
            }
            let next = end.min(offset + CHUNK);
            let at_hand = volume.is_local && !volume.disk.is_observed();
            let at_hand = at_hand.then(|| cached::read(&opened.file, offset, (next - offset) as usize)).flatten();
            let piece = match at_hand {
                Some(piece) => piece,
                None => blocking(move || piece(&volume, &key, &opened, offset..next)).await?,
            };
            Ok(Some((piece, next)))
        }
    });
    pieces.boxed()
}

fn piece(volume: &Volume, key: &ArtifactKey, opened: &Opened, range: Range<u64>) -> Result<Bytes, StorageError> {
    let mut piece = vec![0; (range.end - range.start) as usize];
    let read = volume.disk.read(&opened.file, &opened.path, &mut piece, range.start);
    read.map_err(|error| {
        // It has to be looked at again before it is served again.
        volume.known.forget(key);
        volume.failed("read an archive")(error)
    })?;
    Ok(piece.into())
}
