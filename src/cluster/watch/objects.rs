//! How each kind is told as a [`Change`].

use std::fmt::Debug;
use std::sync::Arc;

use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;

use crate::api::{ExternalArtifact, ExternalSource, ObjectName};
use crate::catalog::{Change, ObservedSource};

/// A kind that is watched.
pub(super) trait Told:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static
{
    /// What is tried, for messages.
    const ACTION: &'static str;

    /// The object exists like this.
    fn present(object: Self, invalid: Option<String>) -> Change;

    /// The object of this name and uid is gone.
    fn gone(name: ObjectName, uid: String) -> Change;
}

impl Told for ExternalSource {
    const ACTION: &'static str = "watch ExternalSources";

    fn present(object: Self, invalid: Option<String>) -> Change {
        Change::Source(ObservedSource { object: Arc::new(object), invalid })
    }

    fn gone(name: ObjectName, uid: String) -> Change {
        Change::SourceGone { name, uid }
    }
}

impl Told for ExternalArtifact {
    const ACTION: &'static str = "watch ExternalArtifacts";

    /// One that we cannot read is somebody else's: its metadata says whose.
    fn present(object: Self, _invalid: Option<String>) -> Change {
        Change::Artifact(Arc::new(object))
    }

    fn gone(name: ObjectName, _uid: String) -> Change {
        Change::ArtifactGone(name)
    }
}
