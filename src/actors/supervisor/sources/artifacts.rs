//! The `ExternalArtifact`s in sight, with a source or without: what they name is never superfluous.

use std::sync::Arc;

use super::Sources;
use crate::actors::source::SourceMsg;
use crate::api::{ExternalArtifact, ObjectName};
use crate::storage::ArtifactKey;

impl Sources {
    pub(in crate::actors::supervisor) fn on_artifact(
        &mut self,
        name: &ObjectName,
        artifact: Option<Arc<ExternalArtifact>>,
    ) {
        if let Some(actor) = self.children.get(name).and_then(|child| child.actor.as_ref()) {
            let _ = actor.cast(SourceMsg::ArtifactObserved(artifact.clone()));
        }
        match artifact {
            Some(artifact) => {
                if let Some(told) = &mut self.told {
                    told.artifacts.insert(name.clone());
                }
                let before = self.artifacts.insert(name.clone(), Arc::clone(&artifact));
                self.named.update(name, before.as_deref(), Some(&artifact));
            }
            None => self.on_artifact_gone(name),
        }
    }

    fn on_artifact_gone(&mut self, name: &ObjectName) {
        let Some(before) = self.artifacts.remove(name) else { return };
        let named_ours = !self.named.of(name).is_empty();
        self.named.update(name, Some(&before), None);
        // It was all that kept the last archive of a source that is gone.
        if named_ours && self.is_synced() && !self.knows(name) {
            self.forget(name);
        }
    }

    /// Whether some ExternalArtifact names this archive. One of its source's name that says nothing may be one that we
    /// cannot read.
    pub(in crate::actors::supervisor) fn is_named(&self, key: &ArtifactKey) -> bool {
        let says_something =
            |artifact: &ExternalArtifact| artifact.status.as_ref().is_some_and(|status| status.artifact.is_some());
        self.named.holds(key) || self.artifacts.get(key.source()).is_some_and(|artifact| !says_something(artifact))
    }
}
