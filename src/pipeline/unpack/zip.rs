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

/// Size of the zip64 end-of-central-directory locator, right before that record (APPNOTE 4.3.15).
const LOCATOR: usize = 20;

/// Most bytes to read in search of the directory: the library keeps a zip64's extensible data, which may have any size.
const MAX_END: u64 = 1024 * 1024;

/// Size of one read of the directory: every entry is a seek, and seeking throws away what was read ahead.
const HEADER: usize = 512;

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
    let mut index = Source::new(body, &watch);
    index.left = MAX_END;
    let mut archive = ZipIterable::try_new(BufReader::with_capacity(HEADER, index), config)
        .map_err(|error| explain(error, b"", &watch))?
        // Two headers describe an entry; where they disagree, tools disagree.
        .enforce_header_consistency(true);
    collector.admit_entries(archive.len() as u64)?;
    let mut contents = Source::new(body, &watch);
    let entries = archive.files().map_err(|error| explain(error, b"", &watch))?;
    entries.reader_mut().get_mut().left = u64::MAX;
    for entry in entries {
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
        // Info-ZIP marks as a FIFO what it was given through a pipe.
        0 | 0o010_000 | 0o100_000 => {}
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
    let mut records = records.filter_map(|(start, _)| EndRecord::read(&tail[start..]).map(|record| (start, record)));
    let Some((start, record)) = records.rfind(|(start, record)| start + record.len == tail.len()) else {
        return Err(UnpackError::TrailingData(FORMAT));
    };
    // Between a zip64's directory and this record are two others, which the library checks.
    let is_zip64 = start >= LOCATOR && tail[start - LOCATOR..].starts_with(b"PK\x06\x07");
    if is_zip64 || record.follows_directory(body.len() - (tail.len() - start) as u64) {
        Ok(())
    } else {
        Err(UnpackError::Corrupt(FORMAT, "its directory is not where its end says".to_owned()))
    }
}

/// What the end-of-central-directory record says (APPNOTE 4.3.16).
struct EndRecord {
    /// Of the record with its comment.
    len: usize,
    directory_size: u32,
    directory_start: u32,
}

impl EndRecord {
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
        let comment = u16::from_le_bytes(bytes.get(20..END_RECORD)?.try_into().ok()?);
        let len = END_RECORD + usize::from(comment);
        Some(Self { len, directory_size: word(12)?, directory_start: word(16)? })
    }

    /// Whether the directory ends where the record starts; elsewhere, it could be another archive's.
    fn follows_directory(&self, record_start: u64) -> bool {
        u64::from(self.directory_start) + u64::from(self.directory_size) == record_start
    }
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
