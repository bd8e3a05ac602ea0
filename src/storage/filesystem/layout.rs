//! Where things are below the root of a volume.
//!
//! Archives are where their keys say: `artifacts/{namespace}/{name}/{hex}.tar.gz`. All that is ours alone is in one folder
//! beside them, whose name no key can have. Nothing else below the root is touched.

use std::path::{Path, PathBuf};

use crate::api::ObjectName;
use crate::storage::{ArtifactKey, key};

/// The folder of what is ours alone.
const PRIVATE: &str = ".flux-externalsource";

/// Paths of a volume.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The root of the volume.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of all archives.
    pub(super) fn archives(&self) -> PathBuf {
        self.root.join(key::ROOT.trim_end_matches('/'))
    }

    /// The folder of what is ours alone.
    pub(super) fn private(&self) -> PathBuf {
        self.root.join(PRIVATE)
    }

    /// The folder of archives that are not complete.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.private().join("unfinished")
    }

    /// The file whose lock the writer holds.
    pub(super) fn lock(&self) -> PathBuf {
        self.private().join("writer.lock")
    }

    /// The file that says to whom the volume belongs.
    pub(super) fn marker(&self) -> PathBuf {
        self.private().join("owner.json")
    }

    /// The folder of an object's archives; `None` when its name is not one that Kubernetes allows.
    pub(super) fn folder(&self, source: &ObjectName) -> Option<PathBuf> {
        let source = ArtifactKey::checked(&source.namespace, &source.name).ok()?;
        Some(self.root.join(ArtifactKey::folder(&source)))
    }

    /// The file of an archive; `None` when the key is not one that can be printed and parsed.
    pub(super) fn file(&self, key: &ArtifactKey) -> Option<PathBuf> {
        self.folder(key.source())?;
        Some(self.root.join(key.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn archives_are_where_their_keys_say_and_nowhere_else() {
        let layout = Layout::new(Path::new("/data"));
        let digest = Digest::of(b"x");
        let file =
            |namespace: &str, name: &str| layout.file(&ArtifactKey::new(ObjectName::new(namespace, name), digest));
        assert_eq!(file("team-a", "x.y"), Some(format!("/data/artifacts/team-a/x.y/{digest}.tar.gz").into()));
        for (namespace, name) in
            [("..", "x"), ("a", "../../etc"), ("a", ""), ("", "a"), ("/", "a"), ("a", "b/c"), (".a", "b")]
        {
            assert_eq!(file(namespace, name), None, "{namespace} {name}");
        }
    }
}
