//! A folder as a tar.gz whose bytes depend on names and contents only, as `helm package` and forges lay it out: below
//! the folder's own name.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The archive, and when its newest file was changed.
pub fn pack(folder: &Path) -> io::Result<(Vec<u8>, SystemTime)> {
    let name = folder.file_name().ok_or(io::ErrorKind::NotFound)?;
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    // No name and no time in the header.
    let mut builder = Builder::new(GzBuilder::new().write(Vec::new(), Compression::default()));
    let mut newest = SystemTime::UNIX_EPOCH;
    add_folder(&mut builder, folder, Path::new(name), &mut newest)?;
    Ok((builder.into_inner()?.finish()?, newest))
}

fn add_folder<W: io::Write>(
    builder: &mut Builder<W>,
    folder: &Path,
    name: &Path,
    newest: &mut SystemTime,
) -> io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            add_folder(builder, &path, &name, newest)?;
        } else if kind.is_file() {
            let content = std::fs::read(&path)?;
            *newest = (*newest).max(entry.metadata()?.modified()?);
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, &name, content.as_slice())?;
        }
    }
    Ok(())
}
