//! Turns an answer into a deterministic tar.gz: same content, same bytes, on every machine.

mod error;
mod gzip;
mod layout;
mod tar;

use std::io::{self, Write};

use tokio_util::sync::CancellationToken;

pub use error::PackageError;
use layout::lay_out;
pub use layout::{judge, validate};

use crate::api::ExternalSourceSpec;
use crate::api::external_source::Unpack;
use crate::digest::Hasher;
use crate::generators::Content;
use crate::pipeline::guards::{self, GuardError, Refusal};
use crate::pipeline::process;
use crate::pipeline::revision::Revision;
use crate::pipeline::unpack::{Tree, UnpackLimits};
use crate::spool::{Spool, Spools};

/// What to package.
#[derive(Debug, Clone)]
pub struct Packaging {
    /// The answer, or what was made of it.
    pub content: Content,
    /// Which of the two.
    pub form: Form,
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

/// What there is to package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What the origin sent.
    Answer,
    /// What hooks or a transformation made of an answer that was judged before them.
    Result,
    /// A tar.gz of the files that a transformation made.
    Files,
}

impl Packaging {
    /// Of what came of an answer, as the spec wants it.
    pub fn of(spec: &ExternalSourceSpec, content: Content, file_name: String, advertised: Option<Advertised>) -> Self {
        let form = match (process::makes_files(spec), process::reshapes(spec)) {
            (true, _) => Form::Files,
            (false, true) => Form::Result,
            (false, false) => Form::Answer,
        };
        Self {
            content,
            form,
            destination: spec.destination_path.clone(),
            file_name: layout::file_name(spec, file_name),
            unpack: spec.generator.http.as_ref().and_then(|http| http.unpack.clone()),
            allow_empty: spec.allow_empty == Some(true),
            advertised,
        }
    }
}

/// What a new archive is compared with.
#[derive(Debug, Clone)]
pub struct Advertised {
    /// Its revision.
    pub revision: Revision,
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
    /// Changes when the content does, and only then.
    pub revision: Revision,
    /// Number of `.yaml`, `.yml` and `Chart.yaml` files.
    pub manifests: u64,
}

/// Guards the content, lays it out as a tree and packs the tree. Blocks; memory does not depend on the answer's size
/// beyond what `spools` keep in memory.
///
/// While something is advertised and stored, the tree is packed twice: the first pass only finds out whether anything
/// changed, at a tenth of the cost of compressing it.
pub fn package(
    job: &Packaging,
    spools: &Spools,
    limits: &UnpackLimits,
    cancelled: &CancellationToken,
) -> Result<Packaged, PackageError> {
    let tree = lay_out(job, spools, limits, cancelled)?;
    let before = job.advertised.as_ref().and_then(|advertised| advertised.manifests);
    let manifests = guards::tree(&tree, before, job.allow_empty, cancelled).map_err(|error| match error {
        GuardError::Refused(Refusal::NoFiles) if job.form == Form::Files => Refusal::NoOutputFiles.into(),
        other => other,
    })?;
    let stored = job.advertised.as_ref().filter(|advertised| advertised.stored);
    let known = stored.map(|_| revision(&tree, cancelled)).transpose()?;
    if stored.is_some_and(|stored| known.as_ref() == Some(&stored.revision)) {
        return Ok(Packaged::Unchanged);
    }
    let (bytes, revision) = compress(&tree, known, spools, cancelled)?;
    Ok(Packaged::Archive(Archive { bytes, revision, manifests }))
}

fn revision(tree: &Tree, cancelled: &CancellationToken) -> Result<Revision, PackageError> {
    let mut hasher = Hashing { hasher: Hasher::default(), sink: io::sink() };
    tar::write(tree, &mut hasher, cancelled)?;
    Ok(Revision(hasher.hasher.finish()))
}

/// The archive, and its revision unless that is known.
fn compress(
    tree: &Tree,
    known: Option<Revision>,
    spools: &Spools,
    cancelled: &CancellationToken,
) -> Result<(Spool, Revision), PackageError> {
    let mut gzip = gzip::Gzip::new(spools.writer())?;
    let revision = if let Some(known) = known {
        tar::write(tree, &mut gzip, cancelled)?;
        known
    } else {
        let mut hashing = Hashing { hasher: Hasher::default(), sink: &mut gzip };
        tar::write(tree, &mut hashing, cancelled)?;
        Revision(hashing.hasher.finish())
    };
    Ok((gzip.finish()?.finish_blocking()?, revision))
}

/// Hashes what it passes on.
struct Hashing<W> {
    hasher: Hasher,
    sink: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests;
