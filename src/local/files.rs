//! What the files of the folder define together, and what is wrong with them. A file that cannot be read keeps what it
//! held before.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::folder::Snapshot;
use super::manifest::{Manifest, parse};
use super::store::Desired;

/// Something in the manifests that needs the user's attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the folder; absent when it is about the folder itself.
    pub file: Option<PathBuf>,
    /// The line, counted from 1.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

/// What each file held when it could last be read.
#[derive(Debug, Default)]
pub struct Files {
    held: BTreeMap<PathBuf, Vec<(u64, Manifest)>>,
}

impl Files {
    /// Takes in what the folder holds now; `None` when it defines nothing new because the folder cannot be read.
    pub fn update(&mut self, snapshot: Snapshot) -> (Option<Desired>, Vec<Problem>) {
        let mut problems: Vec<_> =
            snapshot.problems.into_iter().map(|(file, message)| Problem { file, line: None, message }).collect();
        let Some(files) = snapshot.files else { return (None, problems) };
        let mut before = std::mem::take(&mut self.held);
        for (file, text) in files {
            let held = before.remove(&file).unwrap_or_default();
            let manifests = match text {
                Some(text) => take(&file, &text, held, &mut problems),
                None => held,
            };
            self.held.insert(file, manifests);
        }
        (Some(self.merge(&mut problems)), problems)
    }

    /// The objects of all files; of two with the same name the one of the first file, so that the outcome does not
    /// depend on the order of edits.
    fn merge(&self, problems: &mut Vec<Problem>) -> Desired {
        let mut desired = Desired::default();
        let mut owners = BTreeMap::new();
        for (file, manifests) in &self.held {
            for (line, manifest) in manifests {
                let (kind, name) = manifest.identity();
                if let Some((owner, at)) = owners.insert((kind, name.clone()), (file, line)) {
                    owners.insert((kind, name.clone()), (owner, at));
                    let first = owner.display();
                    let message = format!("{kind} {name} is defined in {first}:{at} already; this one is ignored");
                    problems.push(Problem { file: Some(file.clone()), line: Some(*line), message });
                    continue;
                }
                match manifest.clone() {
                    Manifest::Source(source) => _ = desired.sources.insert(name, *source),
                    Manifest::Secret(name, secret) => _ = desired.secrets.insert(name, secret),
                }
            }
        }
        desired
    }
}

/// The objects of one file: those of its text, and when that has errors also those that it held before.
fn take(
    file: &std::path::Path,
    text: &str,
    held: Vec<(u64, Manifest)>,
    problems: &mut Vec<Problem>,
) -> Vec<(u64, Manifest)> {
    let parsed = parse(text);
    for ignored in parsed.ignored {
        tracing::info!(file = %file.display(), kind = ignored, "object of a kind that is not read");
    }
    let mut manifests = parsed.manifests;
    if !parsed.errors.is_empty() {
        let new: Vec<_> = manifests.iter().map(|(_, manifest)| manifest.identity()).collect();
        manifests.extend(held.into_iter().filter(|(_, manifest)| !new.contains(&manifest.identity())));
    }
    let found = parsed.errors.into_iter().chain(parsed.warnings);
    problems.extend(found.map(|(line, message)| Problem { file: Some(file.to_owned()), line, message }));
    manifests
}
