//! The way of files into a connection without passing through this process: an answer's piece of a file goes through
//! hyper as a placeholder of the same length, and where the placeholder comes out, at the socket, the kernel is told to
//! send the file (docs/adr/0012-files-go-around-hyper.md).
//!
//! hyper must hand the placeholder on as it is, which it does where the socket takes several slices at once. Should it
//! ever copy it instead, no byte of a file would go out, but zeros; the tests of downloads over sockets hold it to that.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::task::JoinHandle;

use super::listener::Socket;
use crate::spool::FileRange;

/// Stands for bytes of files. Never written, and so without memory of its own; its address is what counts.
static PLACEHOLDER: [u8; 1 << 20] = [0; 1 << 20];

/// Bytes that are made sure to be in memory at once, lest the kernel waits for a disk while it sends them.
const WINDOW: u64 = 1 << 20;

/// The pieces of files that are on their way through one connection, in order.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<VecDeque<Sending>>>);

/// Told why a file could not be read; the connection breaks in any case.
pub type Lost = Box<dyn FnOnce(&io::Error) + Send>;

struct Sending {
    rest: FileRange,
    lost: Option<Lost>,
    /// Bytes of its front that are in memory, or were a moment ago.
    warm: u64,
    warming: Option<JoinHandle<io::Result<()>>>,
}

/// A piece of an answer: bytes, or what stands for a piece of a file.
#[derive(Debug)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// So many bytes of a file that a [`Wire`] was given.
    Placeholder(usize),
}

impl Wire {
    /// Sends `range` in the place of the piece that is returned, which has to go into the same connection after all that
    /// was returned before.
    pub fn send(&self, range: FileRange, lost: Lost) -> Piece {
        let length = range.len() as usize;
        if length > 0 {
            self.sendings().push_back(Sending { rest: range, lost: Some(lost), warm: 0, warming: None });
        }
        Piece::Placeholder(length)
    }

    /// Sends up to `length` bytes of the file whose turn it is.
    pub(super) fn poll_send<S: Socket>(
        &self,
        cx: &mut Context<'_>,
        socket: &mut S,
        length: usize,
    ) -> Poll<io::Result<usize>> {
        let mut sendings = self.sendings();
        let Some(sending) = sendings.front_mut() else {
            return Poll::Ready(Err(io::Error::other("a placeholder without a file")));
        };
        let sent = match ready!(sending.poll(cx, socket, length as u64)) {
            Ok(sent) => sent,
            Err(error) => {
                // A client that is gone says nothing about the file.
                if let Some(lost) = sending.lost.take().filter(|_| !is_about_the_client(&error)) {
                    lost(&error);
                }
                return Poll::Ready(Err(error));
            }
        };
        if sending.rest.is_empty() {
            sendings.pop_front();
        }
        Poll::Ready(Ok(sent))
    }

    // Nothing is left half done by a panic.
    fn sendings(&self) -> MutexGuard<'_, VecDeque<Sending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of these slices come before the first placeholder.
pub(super) fn before_placeholder(slices: &[io::IoSlice<'_>]) -> usize {
    slices.iter().position(|slice| is_placeholder(slice)).unwrap_or(slices.len())
}

/// Whether this is what stands for a file.
pub(super) fn is_placeholder(slice: &[u8]) -> bool {
    PLACEHOLDER.as_ptr_range().contains(&slice.as_ptr())
}

fn is_about_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
}

impl Sending {
    fn poll<S: Socket>(&mut self, cx: &mut Context<'_>, socket: &mut S, length: u64) -> Poll<io::Result<usize>> {
        if self.warm == 0 {
            ready!(self.poll_warm(cx))?;
        }
        let length = length.min(self.warm).min(self.rest.len());
        let range = self.rest.range();
        let sent = ready!(socket.poll_send_file(cx, self.rest.file(), range.start, length as usize))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.warm -= sent as u64;
        let _ = self.rest.split_to(sent as u64);
        Poll::Ready(Ok(sent))
    }

    fn poll_warm(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let window = self.rest.part(0..WINDOW);
        if let Some(warming) = &mut self.warming {
            let warmed = ready!(Pin::new(warming).poll(cx));
            self.warming = None;
            warmed.map_err(io::Error::other)??;
        } else if !window.is_warm() {
            let cold = window.clone();
            self.warming = Some(tokio::task::spawn_blocking(move || cold.warm()));
            return self.poll_warm(cx);
        }
        self.warm = window.len();
        Poll::Ready(Ok(()))
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Placeholder(length) => *length,
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Placeholder(length) => &PLACEHOLDER[..PLACEHOLDER.len().min(*length)],
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::Placeholder(length) => *length -= count,
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}
