//! Judges the tree that Flux would unpack.

use std::io::Read as _;

use tokio_util::sync::CancellationToken;

use super::yaml::Scan;
use super::{GuardError, Refusal};
use crate::pipeline::unpack::{Tree, TreeFile};

/// Size of one read while looking for an object; most files show one within the first.
const CHUNK: usize = 8 * 1024;

/// Refuses a tree that Flux would find empty, unless `allow_empty`; returns the number of manifests in it.
/// `advertised` is that number for what is advertised now, where it is known.
pub fn tree(
    tree: &Tree,
    advertised: Option<u64>,
    allow_empty: bool,
    cancelled: &CancellationToken,
) -> Result<u64, GuardError> {
    let manifests = tree.files().iter().filter(|file| is_manifest(file)).count() as u64;
    if allow_empty {
        return Ok(manifests);
    }
    if tree.files().is_empty() {
        return Err(Refusal::NoFiles.into());
    }
    match advertised {
        Some(before) if before > 0 && manifests == 0 => return Err(Refusal::ManifestsGone(before).into()),
        _ => {}
    }
    for file in tree.files().iter().filter(|file| is_manifest(file)) {
        if has_object(tree, file, cancelled)? {
            return Ok(manifests);
        }
    }
    if manifests > 0 { Err(Refusal::NoObjects(manifests).into()) } else { Ok(manifests) }
}

/// What kustomize-controller puts into the kustomization that it generates: the comparison is case-sensitive
/// (<https://github.com/fluxcd/pkg/blob/main/kustomize/kustomize_generator.go>). A chart's `Chart.yaml` is one, too.
fn is_manifest(file: &TreeFile) -> bool {
    matches!(file.path().rsplit_once('.'), Some((_, "yaml" | "yml")))
}

fn has_object(tree: &Tree, file: &TreeFile, cancelled: &CancellationToken) -> Result<bool, GuardError> {
    let mut reader = tree.open(file)?;
    let mut scan = Scan::default();
    let mut buffer = [0; CHUNK];
    loop {
        if cancelled.is_cancelled() {
            return Err(GuardError::Cancelled);
        }
        match reader.read(&mut buffer)? {
            0 => return Ok(scan.finish()),
            n if scan.feed(&buffer[..n]) => return Ok(true),
            _ => {}
        }
    }
}
