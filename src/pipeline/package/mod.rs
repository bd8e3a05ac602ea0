//! Turns an answer into a deterministic tar.gz: same content, same bytes, on every machine.

use crate::api::external_source::Unpack;
use crate::digest::Digest;
use crate::generators::Content;
use crate::spool::Spool;

/// What to package.
#[derive(Debug, Clone)]
pub struct Packaging {
    /// The answer.
    pub content: Content,
    /// `spec.destinationPath`.
    pub destination: Option<String>,
    /// Name of the file when `destination` is not set and nothing is unpacked.
    pub file_name: String,
    /// `spec.generator.http.unpack`.
    pub unpack: Option<Unpack>,
    /// `spec.allowEmpty`.
    pub allow_empty: bool,
    /// What is advertised now.
    pub advertised: Option<Advertised>,
}

/// What a new archive is compared with.
#[derive(Debug, Clone)]
pub struct Advertised {
    /// SHA-256 of the uncompressed tar.
    pub revision: Digest,
    /// Number of files that Flux reads; `None` when nobody counted.
    pub manifests: Option<u64>,
    /// Whether its bytes are stored, so that the same revision needs no archive.
    pub stored: bool,
}

/// The outcome.
#[derive(Debug, Clone)]
pub enum Packaged {
    /// The content is what is advertised and stored: nothing was compressed.
    Unchanged,
    /// An archive to store.
    Archive(Archive),
}

/// A complete tar.gz.
#[derive(Debug, Clone)]
pub struct Archive {
    /// The tar.gz; its digest is the artifact's.
    pub bytes: Spool,
    /// SHA-256 of the uncompressed tar: changes when the content does, and only then.
    pub revision: Digest,
    /// Number of `.yaml`, `.yml` and `Chart.yaml` files.
    pub manifests: u64,
}
