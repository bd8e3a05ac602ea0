//! Turns an answer into a deterministic tar.gz: same content, same bytes, on every machine.

mod error;
mod gzip;
mod tar;

use std::io::{self, Write};

use tokio_util::sync::CancellationToken;

pub use error::PackageError;

use crate::api::ExternalSourceSpec;
use crate::api::external_source::Unpack;
use crate::digest::Hasher;
use crate::generators::Content;
use crate::pipeline::guards::{self, Expected};
use crate::pipeline::revision::Revision;
use crate::pipeline::unpack::{self, Settings, SpecError, Tree, UnpackLimits, path};
use crate::spool::{Spool, Spools};

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

impl Packaging {
    /// Of an answer, as the spec wants it.
    pub fn of(spec: &ExternalSourceSpec, content: Content, file_name: String, advertised: Option<Advertised>) -> Self {
        Self {
            content,
            destination: spec.destination_path.clone(),
            file_name,
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

/// Checks `spec.destinationPath` and `spec.generator.http.unpack`, without an answer at hand. The errors are
/// [configuration](crate::failure::Class::Configuration) and name the field.
///
/// The destination is the file's path, or the folder of what is unpacked; a slash at its end changes nothing.
pub fn validate(destination: Option<&str>, unpack: Option<&Unpack>) -> Result<(), PackageError> {
    written_destination(destination)?;
    unpack.map(Settings::parse).transpose()?;
    Ok(())
}

/// Guards an answer, lays it out as a tree and packs the tree. Blocks; memory does not depend on the answer's size
/// beyond what `spools` keep in memory.
///
/// The tree is packed twice: the first pass only finds out whether anything changed, at a twentieth of the cost of
/// compressing it.
pub fn package(
    job: &Packaging,
    spools: &Spools,
    limits: &UnpackLimits,
    cancelled: &CancellationToken,
) -> Result<Packaged, PackageError> {
    let tree = lay_out(job, spools, limits, cancelled)?;
    let before = job.advertised.as_ref().and_then(|advertised| advertised.manifests);
    let manifests = guards::tree(&tree, before, job.allow_empty, cancelled)?;
    let revision = revision(&tree, cancelled)?;
    if job.advertised.as_ref().is_some_and(|advertised| advertised.stored && advertised.revision == revision) {
        return Ok(Packaged::Unchanged);
    }
    let bytes = compress(&tree, spools, cancelled)?;
    Ok(Packaged::Archive(Archive { bytes, revision, manifests }))
}

/// Guards the answer and says which files it is.
fn lay_out(
    job: &Packaging,
    spools: &Spools,
    limits: &UnpackLimits,
    cancelled: &CancellationToken,
) -> Result<Tree, PackageError> {
    let destination = written_destination(job.destination.as_deref())?;
    let settings = job.unpack.as_ref().map(Settings::parse).transpose()?;
    let Some(settings) = settings else {
        let path = match destination {
            Some(path) => path,
            None => path::check(&job.file_name).map(|()| job.file_name.as_str()).map_err(SpecError::FileName)?,
        };
        let expected = Expected { archive: false, html: names_page(path), empty: job.allow_empty };
        guards::answer(&job.content, expected)?;
        return Ok(Tree::single(path.to_owned(), job.content.body.clone()));
    };
    // No bytes are no archive, whatever the spec allows to be empty.
    guards::answer(&job.content, Expected { archive: true, html: false, empty: job.allow_empty })?;
    Ok(unpack::unpack(&job.content.body, &settings, destination, spools, limits, cancelled)?)
}

fn written_destination(destination: Option<&str>) -> Result<Option<&str>, SpecError> {
    path::written(destination.unwrap_or_default())
        .map_err(|problem| SpecError::Path { field: "spec.destinationPath", problem })
}

fn names_page(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["html", "htm", "xhtml"].iter().any(|page| extension.eq_ignore_ascii_case(page))
}

fn revision(tree: &Tree, cancelled: &CancellationToken) -> Result<Revision, PackageError> {
    let mut sink = HashSink::default();
    tar::write(tree, &mut sink, cancelled)?;
    Ok(Revision(sink.0.finish()))
}

fn compress(tree: &Tree, spools: &Spools, cancelled: &CancellationToken) -> Result<Spool, PackageError> {
    let mut gzip = gzip::Gzip::new(spools.writer());
    tar::write(tree, &mut gzip, cancelled)?;
    Ok(gzip.finish()?.finish_blocking()?)
}

/// Hashes what is written and keeps nothing.
#[derive(Default)]
struct HashSink(Hasher);

impl Write for HashSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
