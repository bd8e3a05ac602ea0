//! gzip that depends on nothing but its input: not on how the input was cut, not on the clock, not on the machine, and
//! not on the number of cores that worked on it.
//!
//! The input is cut into blocks of one size, each is compressed on its own with what stood before it as its dictionary,
//! and the outcomes follow each other in one member: every reader of gzip takes it for any other file. Whoever writes
//! compresses, too, so that nothing waits for a helper that cannot be had.

mod block;
mod crew;
mod helpers;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use flate2::Crc;

use self::block::{Block, Compressed};
use self::crew::Crew;

/// The header of a member without name and time, of an unknown system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it into `W`.
pub(super) struct Gzip<W: Write> {
    sink: W,
    /// What is not yet a block, after its dictionary.
    next: Block,
    crew: Crew,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    /// With as many helpers as the machine has to spare, whenever there is something to help with.
    pub fn new(sink: W) -> io::Result<Self> {
        Self::with(sink, Crew::default())
    }

    fn with(mut sink: W, crew: Crew) -> io::Result<Self> {
        sink.write_all(&HEADER)?;
        Ok(Self { sink, next: Block::default(), crew, crc: Crc::new() })
    }

    /// Writes what is left and the trailer, and hands the sink back.
    pub fn finish(mut self) -> io::Result<W> {
        while let Some(done) = self.crew.settle()? {
            self.append(&done)?;
        }
        self.next.is_last = true;
        let last = self.next.compress()?;
        self.append(&last)?;
        self.sink.write_all(&self.crc.sum().to_le_bytes())?;
        // The size modulo 2^32, which is what this is.
        self.sink.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.sink)
    }

    /// Hands over the block that is full.
    fn submit(&mut self) -> io::Result<()> {
        let next = Block::after(&self.next);
        self.crew.submit(std::mem::replace(&mut self.next, next));
        while let Some(done) = self.crew.make_room()? {
            self.append(&done)?;
        }
        Ok(())
    }

    fn append(&mut self, done: &Compressed) -> io::Result<()> {
        self.crc.combine(&done.crc);
        self.sink.write_all(&done.bytes)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only with a byte that does not fit it is certain that a block is not the last.
        if self.next.room() == 0 && !bytes.is_empty() {
            self.submit()?;
        }
        let n = bytes.len().min(self.next.room());
        self.next.push(&bytes[..n]);
        Ok(n)
    }

    /// Does nothing: a flush would show in the output.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
