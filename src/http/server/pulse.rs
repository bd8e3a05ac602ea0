//! The signs of life of one connection, and the moment at which their absence ends it.
//!
//! hyper's own header timeout also ends connections that wait for their next request, and it has none for clients
//! that stop reading; so the socket and the service report what happens, and [`Pulse::stopped`] watches.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use super::listener::Socket;
use super::wire::{self, Wire};

/// What a connection has been doing, and since when.
#[derive(Debug)]
pub(super) struct Pulse {
    header_timeout: Duration,
    idle_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Since when the client has taken nothing of what we want to write.
    blocked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Between requests.
    Idle(Instant),
    /// A request's headers arrive.
    Headers(Instant),
    /// A request is being answered: what we wait for is our own.
    Answering,
}

impl Pulse {
    /// A new connection: its first request's headers are due.
    pub(super) fn new(header_timeout: Duration, idle_timeout: Duration) -> Arc<Self> {
        let state = State { phase: Phase::Headers(Instant::now()), blocked: None };
        Arc::new(Self { header_timeout, idle_timeout, state: Mutex::new(state) })
    }

    /// A request is complete; it is being answered until the returned value is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.state().phase = Phase::Answering;
        Answering(Arc::clone(self))
    }

    /// Returns once the client has been silent for too long.
    pub(super) async fn stopped(&self) {
        // A deadline that comes up after this moment is at least this far away, so none is slept through.
        let nearest = self.header_timeout.min(self.idle_timeout);
        loop {
            let now = Instant::now();
            let deadline = self.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return;
            }
            let look_again = now + nearest;
            sleep_until(deadline.map_or(look_again, |deadline| deadline.min(look_again))).await;
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        let phase = match state.phase {
            Phase::Idle(since) => Some(since + self.idle_timeout),
            Phase::Headers(since) => Some(since + self.header_timeout),
            Phase::Answering => None,
        };
        let blocked = state.blocked.map(|since| since + self.idle_timeout);
        phase.into_iter().chain(blocked).min()
    }

    fn received(&self) {
        let mut state = self.state();
        if let Phase::Idle(_) = state.phase {
            state.phase = Phase::Headers(Instant::now());
        }
    }

    fn sent(&self, progress: bool) {
        let mut state = self.state();
        if progress {
            state.blocked = None;
            // The end of an answer is still on its way when the answer is over.
            if let Phase::Idle(since) = &mut state.phase {
                *since = Instant::now();
            }
        } else {
            state.blocked.get_or_insert_with(Instant::now);
        }
    }

    fn is_blocked(&self) -> bool {
        self.state().blocked.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer under way.
pub(super) struct Answering(Arc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state().phase = Phase::Idle(Instant::now());
    }
}

/// A socket that reports what passes through it, and sends files where their placeholders come.
pub(super) struct Observed<S: Socket> {
    stream: S,
    pulse: Arc<Pulse>,
    wire: Wire,
}

impl<S: Socket> Observed<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>, wire: Wire) -> Self {
        Self { stream, pulse, wire }
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(n)) if *n > 0 => self.pulse.sent(true),
            Poll::Ready(_) => {}
            Poll::Pending => self.pulse.sent(false),
        }
        written
    }
}

impl<S: Socket> Drop for Observed<S> {
    fn drop(&mut self) {
        if self.pulse.is_blocked() {
            self.stream.give_up();
        }
    }
}

impl<S: Socket> AsyncRead for Observed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.pulse.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Observed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = if wire::is_placeholder(bytes) {
            this.wire.poll_send(cx, &mut this.stream, bytes.len())
        } else {
            Pin::new(&mut this.stream).poll_write(cx, bytes)
        };
        this.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = match (wire::before_placeholder(slices), slices) {
            (0, [placeholder, ..]) => this.wire.poll_send(cx, &mut this.stream, placeholder.len()),
            (count, _) => Pin::new(&mut this.stream).poll_write_vectored(cx, &slices[..count]),
        };
        this.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
