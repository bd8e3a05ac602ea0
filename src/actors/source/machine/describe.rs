//! How a run's archive is described in the objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Machine, Now};
use crate::api::{Artifact, ObjectName};
use crate::pipeline::package::Archive;
use crate::storage::ArtifactKey;

/// Key of the number of files that Flux reads in an artifact's metadata; the guard against losing the last one
/// compares with it, also after a restart.
const MANIFESTS: &str = "source.flux.oddkin.co/manifests";

/// Annotation names of OCI that `flux trace` shows as the origin
/// (<https://github.com/opencontainers/image-spec/blob/main/annotations.md>).
const IMAGE_SOURCE: &str = "org.opencontainers.image.source";
const IMAGE_REVISION: &str = "org.opencontainers.image.revision";

impl Machine {
    /// The archive that this run made and that is served at `url`.
    pub(super) fn describe(&self, archive: &Archive, url: String, now: Now) -> Artifact {
        let key = ArtifactKey::new(ObjectName::of(self.source.as_ref()), archive.bytes.digest());
        let mut artifact = Artifact {
            url,
            path: key.to_string(),
            revision: archive.revision.to_string(),
            digest: archive.bytes.digest().prefixed(),
            size: i64::try_from(archive.bytes.len()).ok(),
            last_update_time: Time(now.wall),
            metadata: [(MANIFESTS.to_owned(), archive.manifests.to_string())].into(),
            observed_generation: self.generation(),
        };
        if let Some(made) = self.made() {
            artifact.metadata.insert(IMAGE_SOURCE.to_owned(), made.origin);
            let revision = made.validators.etag.or(made.validators.last_modified);
            artifact.metadata.extend(revision.map(|revision| (IMAGE_REVISION.to_owned(), revision)));
        }
        // The same bytes at another address are no update.
        if let Some(before) = self.current_artifact().filter(|before| before.digest == artifact.digest) {
            artifact.last_update_time = before.last_update_time.clone();
            artifact.metadata = before.metadata.clone();
        }
        artifact
    }
}

/// Number of files in the artifact that Flux reads; `None` when nobody counted.
pub(super) fn manifests(artifact: &Artifact) -> Option<u64> {
    artifact.metadata.get(MANIFESTS).and_then(|count| count.parse().ok())
}
