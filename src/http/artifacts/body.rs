//! What follows the headers: exactly as many bytes as were announced, or a broken connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::http::{Piece, Wire};
use crate::storage::{ByteStream, Content, StorageError, StoredFile};
use crate::telemetry::metrics::{ArtifactMetrics, InFlight};

/// Size of the pieces of what is in memory or in a file: what a slow reader has pending counts as sent, so they are small
/// beside an archive.
const CHUNK: usize = 1 << 20;

/// Files up to this size are sent as bytes, in one piece with the headers.
const SMALL: u64 = 64 << 10;

/// The content of an answer. The request counts as in flight as long as it lives.
pub struct ArtifactBody {
    content: Sending,
    left: u64,
    /// Counts bytes of archives.
    metrics: Option<Arc<ArtifactMetrics>>,
    _in_flight: InFlight,
}

enum Sending {
    Bytes(Bytes),
    File(StoredFile, Wire),
    Stream(ByteStream),
}

impl ArtifactBody {
    /// Nothing.
    pub(super) fn empty(in_flight: InFlight) -> Self {
        Self::text("", in_flight)
    }

    /// A text.
    pub(super) fn text(text: &'static str, in_flight: InFlight) -> Self {
        let bytes = Bytes::from_static(text.as_bytes());
        let left = bytes.len() as u64;
        Self { content: Sending::Bytes(bytes), left, metrics: None, _in_flight: in_flight }
    }

    /// `length` bytes of an archive. Files go through `wire`, if there is one.
    pub(super) fn archive(
        content: Content,
        length: u64,
        wire: Option<&Wire>,
        metrics: &Arc<ArtifactMetrics>,
        in_flight: InFlight,
    ) -> Self {
        let content = match (content, wire) {
            (Content::Memory(bytes), _) => Sending::Bytes(bytes),
            (Content::File(file), wire) => file_content(file, wire),
            (Content::Stream(stream), _) => Sending::Stream(stream),
        };
        Self { content, left: length, metrics: Some(Arc::clone(metrics)), _in_flight: in_flight }
    }
}

fn file_content(file: StoredFile, wire: Option<&Wire>) -> Sending {
    let small = (file.range().len() <= SMALL).then(|| file.range().at_hand()).flatten();
    match (small, wire) {
        (Some(bytes), _) => Sending::Bytes(bytes),
        (None, Some(wire)) if file.range().is_local() => Sending::File(file, wire.clone()),
        (None, _) => Sending::Stream(file.into_stream()),
    }
}

impl Sending {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, StorageError>>> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(bytes.split_to(bytes.len().min(CHUNK)).into()))),
            Self::File(file, _) if file.range().is_empty() => Poll::Ready(None),
            Self::File(file, wire) => {
                let piece = file.split_to(CHUNK as u64);
                let range = piece.range().clone();
                let lost = move |error: &io::Error| {
                    let error = piece.lost(error.kind().into());
                    tracing::warn!(%error, "broke off a download");
                };
                Poll::Ready(Some(Ok(wire.send(range, Box::new(lost)))))
            }
            Self::Stream(stream) => stream.as_mut().poll_next(cx).map_ok(Piece::Bytes),
        }
    }
}

impl HttpBody for ArtifactBody {
    type Data = Piece;
    type Error = StorageError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, StorageError>>> {
        let piece = match ready!(self.content.poll_next(cx)) {
            Some(piece) => piece,
            None if self.left == 0 => return Poll::Ready(None),
            None => Err(wrong_length("ended early")),
        };
        let piece = piece.and_then(|piece| {
            let length = bytes::Buf::remaining(&piece) as u64;
            self.left = self.left.checked_sub(length).ok_or_else(|| wrong_length("went on too long"))?;
            if let Some(metrics) = &self.metrics {
                metrics.sent(length);
            }
            Ok(Frame::data(piece))
        });
        if let Err(error) = &piece {
            tracing::warn!(%error, "broke off a download");
        }
        Poll::Ready(Some(piece))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn wrong_length(what: &str) -> StorageError {
    StorageError::Io(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the stored archive {what}")))
}
