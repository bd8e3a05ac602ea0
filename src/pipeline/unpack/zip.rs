//! Reads a zip (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>), entry by entry from its central
//! directory, so that memory does not depend on how many entries it claims to have.

use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use tokio_util::sync::CancellationToken;
use zip::read::{ArchiveOffset, Config, ZipFileEntry, ZipReadOptions};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::UnpackError;
use super::collector::Collector;
use super::error::shown;
use super::watch::{Source, Watch};
use crate::spool::Spool;

const FORMAT: &str = "zip";

/// Size of the end-of-central-directory record without its comment (APPNOTE 4.3.16).
const END_RECORD: usize = 22;

/// Reads all entries of `body` into `collector`.
pub(super) fn read(
    body: &Spool,
    collector: &mut Collector<'_>,
    cancelled: &CancellationToken,
) -> Result<(), UnpackError> {
    let watch = Watch::new(FORMAT, cancelled);
    check_frame(body, &watch)?;
    // Anything before the first entry would be read by some tools and not by others.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipIterable::try_new(BufReader::new(Source::new(body, &watch)), config)
        .map_err(|error| explain(error, b"", &watch))?
        // Two headers describe an entry; where they disagree, tools disagree.
        .enforce_header_consistency(true);
    collector.admit_entries(archive.len() as u64)?;
    let mut contents = Source::new(body, &watch);
    for entry in archive.files().map_err(|error| explain(error, b"", &watch))? {
        let entry = entry.map_err(|error| explain(error, b"", &watch))?;
        collector.count()?;
        take(entry, &mut contents, collector, &watch)?;
    }
    Ok(())
}

fn take(
    entry: ZipFileEntry<'_>,
    contents: &mut Source<'_>,
    collector: &mut Collector<'_>,
    watch: &Watch<'_>,
) -> Result<(), UnpackError> {
    let name = entry.name().map_err(|error| explain(error, entry.name_raw(), watch))?.into_owned();
    let name = name.as_bytes();
    let path = collector.place(name)?;
    // The type bits of the Unix mode; tools that know no modes leave them out.
    match entry.unix_mode().unwrap_or(0) & 0o170_000 {
        // Links are dropped, as in a tar.
        0o040_000 | 0o120_000 => return Ok(()),
        0 | 0o100_000 => {}
        _ => return Err(UnpackError::Special(shown(name))),
    }
    let Some(path) = path.filter(|_| !name.ends_with(b"/")) else { return Ok(()) };
    if entry.encrypted() {
        return Err(UnpackError::Encrypted(shown(name)));
    }
    let size = entry.size();
    collector.admit(name, size)?;
    let mut file = entry.with_reader(contents, ZipReadOptions::new()).map_err(|error| explain(error, name, watch))?;
    collector.take(path, size, &mut file, |error| match error {
        Some(error) => explain_io(&error, name, watch),
        None => UnpackError::Corrupt(FORMAT, format!("\"{}\" has another size than it says", shown(name))),
    })
}

/// Checks that the zip starts where the answer starts, and ends where it ends.
fn check_frame(body: &Spool, watch: &Watch<'_>) -> Result<(), UnpackError> {
    let mut source = Source::new(body, watch);
    let mut head = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut head).map_err(|error| watch.explain(&error))?;
    if head != b"PK\x03\x04" && head != b"PK\x05\x06" {
        return Err(UnpackError::NotAnArchive(FORMAT));
    }
    // The last record's comment is at most 64 KiB long.
    let longest = (END_RECORD + usize::from(u16::MAX)) as u64;
    let mut tail = Vec::new();
    let start = SeekFrom::Start(body.len().saturating_sub(longest));
    source.seek(start).and_then(|_| source.read_to_end(&mut tail)).map_err(|error| watch.explain(&error))?;
    let mut records = tail.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x05\x06").peekable();
    if records.peek().is_none() {
        return Err(UnpackError::Truncated(FORMAT));
    }
    let ends = |start: usize| match tail.get(start + 20..start + END_RECORD) {
        Some(&[low, high]) => start + END_RECORD + usize::from(u16::from_le_bytes([low, high])) == tail.len(),
        _ => false,
    };
    if records.any(|(start, _)| ends(start)) { Ok(()) } else { Err(UnpackError::TrailingData(FORMAT)) }
}

fn explain(error: ZipError, name: &[u8], watch: &Watch<'_>) -> UnpackError {
    match error {
        ZipError::Io(error) => explain_io(&error, name, watch),
        ZipError::CompressionMethodNotSupported(_) => UnpackError::Compression(shown(name)),
        other => watch.explain(&io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

fn explain_io(error: &io::Error, name: &[u8], watch: &Watch<'_>) -> UnpackError {
    // The method is looked at when the first byte is asked for.
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(ZipError::CompressionMethodNotSupported(_)) => UnpackError::Compression(shown(name)),
        _ => watch.explain(error),
    }
}
