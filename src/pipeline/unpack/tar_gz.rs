//! Reads a tar, with or without gzip around it (POSIX pax,
//! <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13>).
//!
//! The library iterates raw: left to itself it reads long names and pax records of any size into memory.

use std::io::{self, BufReader, Read};

use tar::EntryType;
use tokio_util::sync::CancellationToken;

use super::collector::Collector;
use super::error::shown;
use super::members::{MAGIC, Members};
use super::pax::{self, Record};
use super::watch::{Metered, Source, Watch};
use super::{UnpackError, UnpackLimits};
use crate::spool::Spool;

const FORMAT: &str = "tar.gz";

/// Largest extension header in bytes: names end at 1024, but pax records also carry extended attributes.
const MAX_EXTENSION: u64 = 1024 * 1024;

/// Reads all entries of `body` into `collector`.
pub(super) fn read(
    body: &Spool,
    limits: &UnpackLimits,
    collector: &mut Collector<'_>,
    cancelled: &CancellationToken,
) -> Result<(), UnpackError> {
    let watch = Watch::new(FORMAT, cancelled);
    let mut head = [0; 512];
    let n = read_full(&mut Source::new(body, &watch), &mut head).map_err(|error| watch.explain(&error))?;
    let source = Source::new(body, &watch);
    if head.starts_with(&MAGIC) {
        walk(Metered::new(Members::new(source, &watch), &watch, limits, body.len()), collector, &watch)
    } else if n == head.len() && (head[257..].starts_with(b"ustar") || head.iter().all(|byte| *byte == 0)) {
        walk(Metered::new(BufReader::new(source), &watch, limits, body.len()), collector, &watch)
    } else {
        Err(UnpackError::NotAnArchive(FORMAT))
    }
}

fn walk<R: Read>(reader: R, collector: &mut Collector<'_>, watch: &Watch<'_>) -> Result<(), UnpackError> {
    let broken = |error: &io::Error| watch.explain(error);
    let mut archive = tar::Archive::new(reader);
    let mut pending = Pending::default();
    for entry in archive.entries().map_err(|error| broken(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| broken(&error))?;
        collector.count()?;
        match entry.header().entry_type() {
            EntryType::XHeader => pending.records(&extension(&mut entry, watch)?)?,
            EntryType::XGlobalHeader => pax::check_global(&extension(&mut entry, watch)?)?,
            EntryType::GNULongName => pending.name = Some(gnu_name(extension(&mut entry, watch)?)),
            // The name of what a link points to: links are dropped.
            EntryType::GNULongLink => {}
            kind => take(kind, &mut entry, std::mem::take(&mut pending), collector, watch)?,
        }
    }
    if !pending.is_empty() || watch.ended() {
        return Err(UnpackError::Truncated(FORMAT));
    }
    check_end(&mut archive.into_inner(), watch)
}

/// What the extension headers say about the entry after them.
#[derive(Default)]
struct Pending {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.size.is_none() && !self.sparse
    }

    fn records(&mut self, data: &[u8]) -> Result<(), UnpackError> {
        for record in pax::records(data) {
            match record.ok_or_else(pax::malformed)? {
                Record::Path(path) => self.name = Some(path.to_vec()),
                Record::Size(size) => self.size = Some(size.ok_or_else(pax::malformed)?),
                Record::Sparse => self.sparse = true,
                Record::Other => {}
            }
        }
        Ok(())
    }
}

/// Takes one entry that is no extension header. Links are dropped, as Flux's consumers drop them; what is neither
/// file nor folder nor link has no business in a source tree.
fn take<R: Read>(
    kind: EntryType,
    entry: &mut tar::Entry<'_, R>,
    pending: Pending,
    collector: &mut Collector<'_>,
    watch: &Watch<'_>,
) -> Result<(), UnpackError> {
    let name = pending.name.unwrap_or_else(|| entry.path_bytes().into_owned());
    let path = collector.place(&name)?;
    match kind {
        EntryType::Directory | EntryType::Symlink | EntryType::Link => return Ok(()),
        EntryType::GNUSparse => return Err(UnpackError::Sparse(shown(&name))),
        EntryType::Regular | EntryType::Continuous if pending.sparse => return Err(UnpackError::Sparse(shown(&name))),
        // Before POSIX, a folder was a file whose name ends with a slash.
        EntryType::Regular if name.ends_with(b"/") => return Ok(()),
        EntryType::Regular | EntryType::Continuous => {}
        _ => return Err(UnpackError::Special(shown(&name))),
    }
    let size = entry.size();
    // Readers differ in which of the two sizes they believe, so one archive would be two.
    if pending.size.is_some_and(|pax| pax != size) {
        return Err(UnpackError::Corrupt(FORMAT, format!("two sizes for \"{}\"", shown(&name))));
    }
    collector.admit(&name, size)?;
    let Some(path) = path else { return Ok(()) };
    collector.take(path, size, entry, |error| match error {
        Some(error) => watch.explain(&error),
        None => UnpackError::Truncated(FORMAT),
    })
}

/// The data of an extension header, within [`MAX_EXTENSION`].
fn extension<R: Read>(entry: &mut tar::Entry<'_, R>, watch: &Watch<'_>) -> Result<Vec<u8>, UnpackError> {
    let size = entry.size();
    if size > MAX_EXTENSION {
        return Err(UnpackError::Corrupt(FORMAT, format!("an extension header of {size} bytes")));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data).map_err(|error| watch.explain(&error))?;
    if (data.len() as u64) < size { Err(UnpackError::Truncated(FORMAT)) } else { Ok(data) }
}

/// GNU tar ends the name with a NUL.
fn gnu_name(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    name
}

/// After the end marker there may be zeros (tar pads to its record size) and nothing else.
fn check_end<R: Read>(reader: &mut R, watch: &Watch<'_>) -> Result<(), UnpackError> {
    let mut buffer = [0; 4096];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) if buffer[..n].iter().all(|byte| *byte == 0) => {}
            Ok(_) => return Err(UnpackError::TrailingData(FORMAT)),
            Err(error) => return Err(watch.explain(&error)),
        }
    }
}

fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}
