//! Where the objects come from and where results go: one trait, implemented over the Kubernetes API
//! ([`crate::cluster`]) and over a folder of manifests ([`crate::local`]), so that the same actors run in both.

mod artifact;

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use artifact::{desired_artifact, is_artifact_of, is_in_shape, named_keys, owner_of, owner_reference};

use crate::api::conditions::reasons;
use crate::api::{ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, ObjectName};
use crate::failure::{Class, Failure};
use crate::generators::Secret;

/// An ExternalSource as the catalog sees it now.
#[derive(Debug, Clone)]
pub struct ObservedSource {
    /// The object, without managed fields. When `invalid` is set, its spec is the default.
    pub object: Arc<ExternalSource>,
    /// Why the object cannot be read; such an object is Stalled and stops nothing else.
    pub invalid: Option<String>,
}

/// Something changed, or is seen for the first time.
#[derive(Debug, Clone)]
pub enum Change {
    /// A source exists in this state.
    Source(ObservedSource),
    /// The source with this uid is gone.
    SourceGone {
        /// Its name.
        name: ObjectName,
        /// Its uid; another object may have the name by now.
        uid: String,
    },
    /// An ExternalArtifact (whoever's) exists in this state.
    Artifact(Arc<ExternalArtifact>),
    /// There is no ExternalArtifact of this name any more.
    ArtifactGone(ObjectName),
    /// Everything that existed when the watch began was told.
    Synced,
}

/// Severity of an [`Event`], as Kubernetes names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Information.
    Normal,
    /// Something needs attention.
    Warning,
}

/// Something that people should hear about; told about the source and about its ExternalArtifact.
#[derive(Debug, Clone)]
pub struct Event {
    /// The source.
    pub source: Arc<ExternalSource>,
    /// The ExternalArtifact, when it exists: the event is told about it too.
    pub artifact: Option<Arc<ExternalArtifact>>,
    /// Information or warning.
    pub type_: EventType,
    /// One of [`reasons`].
    pub reason: &'static str,
    /// For people; no secrets.
    pub message: String,
}

/// A read or write that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// This replica does not hold the lease; the write was not sent.
    #[error("this replica is not the leader")]
    NotLeader,
    /// The object is gone, or was replaced by another one of its name.
    #[error("the object is gone")]
    Gone,
    /// An ExternalArtifact of this name belongs to somebody else.
    #[error("an ExternalArtifact of this name exists and belongs to {owner}")]
    Foreign {
        /// Kind and name of the owner, or the field manager that made the object.
        owner: String,
    },
    /// The API server refuses this write and will go on refusing it for a while (RBAC, quota, admission).
    #[error("the API server refused to {action}: {message}")]
    Refused {
        /// What was tried, such as "apply ExternalArtifact".
        action: &'static str,
        /// The API server's words.
        message: String,
    },
    /// The API server did not answer, or could not.
    #[error("could not {action}: {message}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// The cause.
        message: String,
    },
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        let (class, reason) = match &error {
            CatalogError::NotLeader | CatalogError::Gone | CatalogError::Unavailable { .. } => {
                (Class::TRANSIENT, reasons::PUBLISH_FAILED)
            }
            CatalogError::Refused { .. } => (Class::Waiting, reasons::PUBLISH_FAILED),
            CatalogError::Foreign { .. } => (Class::Configuration, reasons::OWNERSHIP_CONFLICT),
        };
        Self { class, reason, message: error.to_string() }
    }
}

/// Reads and writes of the objects. Every write is fenced: it fails with [`CatalogError::NotLeader`] rather than
/// being sent without a valid lease, and is over before the lease could pass to somebody else.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// Watches from scratch: everything that exists, then [`Change::Synced`] once, then what changes. The stream
    /// recovers from errors by itself (an error item is for the log) and ends only when it is broken for good.
    fn watch(&self) -> BoxStream<'static, Result<Change, CatalogError>>;

    /// Whether the watch tells the objects of this namespace.
    fn is_watched(&self, namespace: &str) -> bool {
        let _ = namespace;
        true
    }

    /// Reads a Secret anew; `None` when there is none of that name.
    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, CatalogError>;

    /// Makes the source's ExternalArtifact what [`desired_artifact`] has, creating it if need be, never its status. Takes over
    /// nothing: fails with [`CatalogError::Foreign`] when the object belongs to somebody else.
    async fn apply_artifact(&self, source: &ExternalSource) -> Result<Arc<ExternalArtifact>, CatalogError>;

    /// Makes `status` the ExternalArtifact's status.
    async fn apply_artifact_status(
        &self,
        source: &ExternalSource,
        status: &ExternalArtifactStatus,
    ) -> Result<Arc<ExternalArtifact>, CatalogError>;

    /// Makes `status` the source's status, whoever wrote what stands there now.
    async fn apply_source_status(
        &self,
        source: &ExternalSource,
        status: &ExternalSourceStatus,
    ) -> Result<Arc<ExternalSource>, CatalogError>;

    /// Takes the finalizer of the Go implementation off the source.
    async fn remove_legacy_finalizer(&self, source: &ExternalSource) -> Result<(), CatalogError>;

    /// Whether reads and writes have a chance; asked only after one has failed.
    async fn is_reachable(&self) -> bool {
        true
    }

    /// Tells people. Never blocks and never fails: events are folded, sent behind everything else, and dropped
    /// when there are too many.
    fn tell(&self, event: Event);
}
