//! Response bodies: exactly as many bytes as were announced, or a broken connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

use crate::storage::{ByteStream, StorageError};
use crate::telemetry::metrics::{self, InFlight};

/// A stream of known length. An error or another length ends the connection, so that no client takes a part for the
/// whole.
pub(super) struct Exactly {
    stream: ByteStream,
    left: u64,
}

impl Exactly {
    /// A body of `length` bytes from `stream`.
    pub(super) fn new(stream: ByteStream, length: u64) -> Self {
        Self { stream, left: length }
    }
}

impl HttpBody for Exactly {
    type Data = Bytes;
    type Error = StorageError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StorageError>>> {
        let chunk = match ready!(self.stream.as_mut().poll_next(cx)) {
            Some(chunk) => chunk,
            None if self.left == 0 => return Poll::Ready(None),
            None => Err(wrong_length("ended early")),
        };
        let chunk = chunk.and_then(|chunk| {
            let length = chunk.len() as u64;
            self.left = self.left.checked_sub(length).ok_or_else(|| wrong_length("went on too long"))?;
            metrics::artifact_bytes_sent(length);
            Ok(Frame::data(chunk))
        });
        if let Err(error) = &chunk {
            tracing::warn!(%error, "broke off a download");
        }
        Poll::Ready(Some(chunk))
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

/// Counts a request as in flight until its body is dropped.
pub(super) struct Counted {
    body: Body,
    _in_flight: InFlight,
}

impl Counted {
    /// `body`, counted.
    pub(super) fn new(body: Body, in_flight: InFlight) -> Self {
        Self { body, _in_flight: in_flight }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
