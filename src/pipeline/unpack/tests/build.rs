//! Archives byte by byte, because no library writes what must be refused.

use std::io::{Cursor, Write as _};

/// One tar entry: ustar header, data, padding. `name` and `prefix` as they are.
pub fn entry(kind: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    sized(kind, name, data.len(), data)
}

/// The same with a size of its own.
pub fn sized(kind: u8, name: &[u8], size: usize, data: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A pax record.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut len = rest + 1;
    while len != rest + len.to_string().len() {
        len = rest + len.to_string().len();
    }
    [format!("{len} {key}=").as_bytes(), value, b"\n"].concat()
}

/// An entry whose name is in a pax record.
pub fn pax_named(name: &[u8], data: &[u8]) -> Vec<u8> {
    [entry(b'x', b"pax", &record("path", name)), entry(b'0', b"short", data)].concat()
}

/// Entries with the end marker.
pub fn end(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    end(&files.iter().map(|(name, data)| entry(b'0', name.as_bytes(), data)).collect::<Vec<_>>())
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in files {
        let options = zip::write::SimpleFileOptions::default();
        if let Some(folder) = name.strip_suffix('/') {
            writer.add_directory(folder, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(data).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

/// Position of the central directory's header number `index`.
pub fn central(zip: &[u8], index: usize) -> usize {
    let signatures = zip.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x01\x02");
    signatures.map(|(at, _)| at).nth(index).unwrap()
}

/// Puts `bytes` over `zip` from `at` on.
pub fn patch(mut zip: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    zip[at..at + bytes.len()].copy_from_slice(bytes);
    zip
}

/// Renames everywhere; both names have the same length.
pub fn rename(mut zip: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..=zip.len() - from.len() {
        if zip[at..].starts_with(from.as_bytes()) {
            zip[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    zip
}
