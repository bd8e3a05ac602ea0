//! Decodes a gzip file of one or more members (RFC 1952, 2.2). flate2's own reader for them cannot tell a file that is
//! cut off from one with a few other bytes at its end.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::UnpackError;
use super::watch::{Source, Watch};

/// How every member starts.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// All members' contents, one after the other.
pub(super) struct Members<'a> {
    /// `None` after the last one.
    member: Option<GzDecoder<BufReader<Source<'a>>>>,
    watch: &'a Watch<'a>,
}

impl<'a> Members<'a> {
    /// A decoder of `source`, which starts with [`MAGIC`].
    pub fn new(source: Source<'a>, watch: &'a Watch<'a>) -> Self {
        Self { member: Some(GzDecoder::new(BufReader::new(source))), watch }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let another = match member.get_mut().fill_buf()? {
                [] => false,
                [first, ..] if *first == MAGIC[0] => true,
                _ => return Err(self.watch.stop(UnpackError::TrailingData("tar.gz"))),
            };
            self.member = self.member.take().filter(|_| another).map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}
