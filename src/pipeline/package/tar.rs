//! A tar that depends on nothing but the files' paths and contents.

use std::io::{self, Read, Write};

use tar::{Builder, EntryType, Header};
use tokio_util::sync::CancellationToken;

use super::PackageError;
use crate::pipeline::unpack::Tree;

/// Mode of every file; consumers need no more than to read.
const FILE_MODE: u32 = 0o644;

/// Mode of every folder.
const FOLDER_MODE: u32 = 0o755;

/// Bytes that are copied at once: the tar crate's own copying takes eight times as many calls.
const CHUNK: usize = 64 * 1024;

/// What every content is padded to (POSIX.1-2017, pax, "ustar Interchange Format").
const RECORD: usize = 512;

/// Writes `tree` to `sink`: sorted, every folder before what is in it, no times, no owners.
pub(super) fn write(tree: &Tree, sink: impl Write, cancelled: &CancellationToken) -> Result<(), PackageError> {
    match append_all(tree, sink, cancelled) {
        // A cancelled read looks like any other error here.
        Err(_) if cancelled.is_cancelled() => Err(PackageError::Cancelled),
        result => result.map_err(PackageError::Io),
    }
}

fn append_all(tree: &Tree, sink: impl Write, cancelled: &CancellationToken) -> io::Result<()> {
    let mut builder = Builder::new(sink);
    let mut buffer = vec![0; CHUNK];
    let mut previous = "";
    for file in tree.files() {
        let path = file.path();
        for folder in new_folders(previous, path) {
            append(&mut builder, folder, EntryType::Directory, FOLDER_MODE, 0)?;
        }
        append(&mut builder, path, EntryType::Regular, FILE_MODE, file.len())?;
        copy(tree.open(file)?, file.len(), builder.get_mut(), &mut buffer, cancelled)?;
        previous = path;
    }
    builder.finish()
}

/// The folders of `path`, each with a slash at its end, that hold nothing up to `previous`. In sorted order a folder's
/// files follow each other, so the file before is all that has to be looked at.
fn new_folders<'a>(previous: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    let folders = path.match_indices('/').map(|(slash, _)| &path[..=slash]);
    folders.filter(move |folder| !previous.starts_with(folder))
}

/// Writes a header; the content follows it.
fn append(builder: &mut Builder<impl Write>, path: &str, kind: EntryType, mode: u32, size: u64) -> io::Result<()> {
    let mut header = Header::new_ustar();
    // A ustar header is for ASCII; what other readers make of other bytes depends on their locale.
    if !path.is_ascii() || header.set_path(path).is_err() {
        builder.append_pax_extensions([("path", path.as_bytes())])?;
        header = Header::new_ustar();
        stand_in(path, &mut header.as_old_mut().name);
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    builder.append(&header, io::empty())
}

/// Fills a header's `name` with what comes close to `path`, for readers that know no pax.
fn stand_in(path: &str, name: &mut [u8; 100]) {
    let ascii = path.chars().map(|char| u8::try_from(char).ok().filter(u8::is_ascii).unwrap_or(b'_'));
    for (to, from) in name.iter_mut().zip(ascii) {
        *to = from;
    }
    // A file that ends with a slash is a folder for some.
    if let Some(last) = name.iter_mut().rfind(|byte| **byte != 0).filter(|byte| **byte == b'/') {
        *last = b'_';
    }
}

/// Copies a content of this size and pads it; fails as soon as nobody waits for the outcome.
fn copy(
    mut content: impl Read,
    size: u64,
    sink: &mut impl Write,
    buffer: &mut [u8],
    cancelled: &CancellationToken,
) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        if cancelled.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = content.read(&mut buffer[..most])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        sink.write_all(&buffer[..n])?;
        left -= n as u64;
    }
    let padding = (RECORD - (size % RECORD as u64) as usize) % RECORD;
    sink.write_all(&[0; RECORD][..padding])
}
