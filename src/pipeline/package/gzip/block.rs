//! One block: compressed by a fresh compressor in one call, so that its bytes depend on its input and dictionary alone.

use std::io;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Bytes of every block but the last. Part of the format: another size gives other digests for the same content.
pub(super) const BLOCK: usize = 128 * 1024;

/// How far back a reader of deflate looks (RFC 1951, 2). With all of that as a dictionary blocks shrink as the whole
/// would.
pub(super) const DICTIONARY: usize = 32 * 1024;

/// Part of the format, like the size. docs/performance.md says what other levels cost and bring.
const LEVEL: u32 = 2;

/// More than what incompressible bytes grow by: then the compressor needs one call.
const HEADROOM: usize = 1024;

/// Input.
#[derive(Default)]
pub(super) struct Block {
    /// The dictionary, then what is to be compressed.
    bytes: Vec<u8>,
    dictionary: usize,
    /// Ends the stream.
    pub is_last: bool,
}

/// What became of a block.
pub(super) struct Compressed {
    /// Whole bytes of a stream, which the next block continues.
    pub bytes: Vec<u8>,
    /// Of the input.
    pub crc: Crc,
}

impl Block {
    /// An empty block that follows a full one.
    pub fn after(previous: &Self) -> Self {
        let mut bytes = Vec::with_capacity(DICTIONARY + BLOCK);
        bytes.extend_from_slice(&previous.bytes[previous.bytes.len() - DICTIONARY..]);
        Self { bytes, dictionary: DICTIONARY, is_last: false }
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.dictionary + BLOCK - self.bytes.len()
    }

    /// Adds what fits.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Compresses it.
    pub fn compress(&self) -> io::Result<Compressed> {
        let (dictionary, input) = self.bytes.split_at(self.dictionary);
        // A compressor that is used again with a dictionary gives other bytes.
        let mut compressor = Compress::new(Compression::new(LEVEL), false);
        if !dictionary.is_empty() {
            compressor.set_dictionary(dictionary).map_err(io::Error::other)?;
        }
        let flush = if self.is_last { FlushCompress::Finish } else { FlushCompress::Sync };
        let mut bytes = Vec::with_capacity(input.len() + HEADROOM);
        let status = compressor.compress_vec(input, &mut bytes, flush).map_err(io::Error::other)?;
        let is_whole = compressor.total_in() == input.len() as u64 && bytes.len() < bytes.capacity();
        if !is_whole || self.is_last != (status == Status::StreamEnd) {
            return Err(io::Error::other("a block did not fit where it has to"));
        }
        let mut crc = Crc::new();
        crc.update(input);
        Ok(Compressed { bytes, crc })
    }
}
