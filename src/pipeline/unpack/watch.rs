//! The readers below and above a decoder. Decoders turn every error into one of their own, so what really happened is
//! noted in a [`Watch`] on the side and asked for afterwards.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom};

use tokio_util::sync::CancellationToken;

use super::{UnpackError, UnpackLimits};
use crate::spool::{Spool, SpoolReader};

/// Up to this size no ratio is suspicious: a page of zeros compresses a thousandfold.
const RATIO_FLOOR: u64 = 1024 * 1024;

/// What the readers of one archive saw.
pub(super) struct Watch<'a> {
    format: &'static str,
    cancelled: &'a CancellationToken,
    stopped: RefCell<Option<UnpackError>>,
    ended: Cell<bool>,
}

impl<'a> Watch<'a> {
    pub fn new(format: &'static str, cancelled: &'a CancellationToken) -> Self {
        Self { format, cancelled, stopped: RefCell::new(None), ended: Cell::new(false) }
    }

    /// Whether the decoded data has ended.
    pub fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Why reading is over, for the decoder that has to be told something.
    pub fn stop(&self, error: UnpackError) -> io::Error {
        self.stopped.borrow_mut().get_or_insert(error);
        io::Error::other("stopped")
    }

    /// What a decoder's error really means.
    pub fn explain(&self, error: &io::Error) -> UnpackError {
        if let Some(stopped) = self.stopped.take() {
            return stopped;
        }
        if error.kind() == io::ErrorKind::UnexpectedEof || self.ended() {
            return UnpackError::Truncated(self.format);
        }
        UnpackError::Corrupt(self.format, super::error::shown(error.to_string().as_bytes()))
    }
}

/// The packed bytes.
pub(super) struct Source<'a> {
    spool: SpoolReader,
    watch: &'a Watch<'a>,
    /// How many bytes may still be read; what a decoder may hold, it has to read.
    pub left: u64,
}

impl<'a> Source<'a> {
    pub fn new(body: &Spool, watch: &'a Watch<'a>) -> Self {
        Self { spool: body.reader(), watch, left: u64::MAX }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.cancelled.is_cancelled() {
            return Err(self.watch.stop(UnpackError::Cancelled));
        }
        let n = self.spool.read(buffer).map_err(|error| self.watch.stop(error.into()))?;
        let Some(left) = self.left.checked_sub(n as u64) else {
            return Err(self.watch.stop(UnpackError::Corrupt(self.watch.format, "its index is too large".to_owned())));
        };
        self.left = left;
        Ok(n)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.spool.seek(to)
    }
}

/// The unpacked bytes, up to a multiple of the packed ones.
pub(super) struct Metered<'a, R> {
    inner: R,
    watch: &'a Watch<'a>,
    left: u64,
    ratio: u64,
}

impl<'a, R> Metered<'a, R> {
    pub fn new(inner: R, watch: &'a Watch<'a>, limits: &UnpackLimits, packed: u64) -> Self {
        Self { inner, watch, left: most_unpacked(limits, packed), ratio: limits.ratio }
    }
}

/// The most bytes that `packed` bytes may unpack to.
pub(super) fn most_unpacked(limits: &UnpackLimits, packed: u64) -> u64 {
    packed.saturating_mul(limits.ratio).max(RATIO_FLOOR)
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && !buffer.is_empty() {
            self.watch.ended.set(true);
        }
        let Some(left) = self.left.checked_sub(n as u64) else {
            return Err(self.watch.stop(UnpackError::Ratio(self.ratio)));
        };
        self.left = left;
        Ok(n)
    }
}
