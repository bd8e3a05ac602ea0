//! Archives and digests in the form that Flux expects them.

use std::fmt::Write;
use std::io::Read;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::{bufread, write};
use sha2::{Digest, Sha256};

/// A tar.gz with these files, as source-controller or the controller under test would make it.
pub fn tar_gz(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(write::GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, *content).with_context(|| format!("cannot archive {path}"))?;
    }
    archive.into_inner()?.finish().context("cannot compress an archive")
}

/// Compressed with gzip.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    // Reading from and writing to memory does not fail.
    let _ = bufread::GzEncoder::new(content, Compression::fast()).read_to_end(&mut compressed);
    compressed
}

/// `sha256:<hex>`, the form of digests in Flux.
pub fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(content)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
