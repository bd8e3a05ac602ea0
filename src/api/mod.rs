//! The objects that this controller reads and writes, as Kubernetes stores them. Imports nothing else of this crate.

pub mod conditions;
pub mod crd;
pub mod duration;
pub mod external_artifact;
pub mod external_source;
mod lenient;
mod name;
pub mod path;
pub mod schema;

pub use external_artifact::{ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus, SourceReference};
pub use external_source::{Artifact, ExternalSource, ExternalSourceSpec, ExternalSourceStatus};
pub use name::{ObjectName, is_dns_label, is_dns_subdomain};

/// Name of the field manager of every server-side apply, and of the reporting controller of every event.
pub const FIELD_MANAGER: &str = "flux-externalsource-controller";

/// Value of [`MANAGED_BY_LABEL`] on every object that we create.
pub const MANAGED_BY: &str = FIELD_MANAGER;

/// The recommended label that names the tool managing an object
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>).
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// A new value makes a run happen now (<https://fluxcd.io/flux/components/kustomize/kustomizations/#triggering-a-reconcile>).
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// With the same value as [`REQUESTED_AT`], the run ignores validators and packages anew.
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";

/// The finalizer of the Go implementation; taken off wherever it is met, never added.
pub const LEGACY_FINALIZER: &str = "source.flux.oddkin.co/externalsource-finalizer";
