//! Where the lease lives: three calls, so that elections can be tested without a cluster.

use async_trait::async_trait;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::cluster::LeaseSettings;
use crate::cluster::errors;

/// A call about the lease that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else was faster.
    #[error("another replica wrote the lease first")]
    Conflict,
    /// The call failed.
    #[error("{0}")]
    Failed(String),
}

/// Reads and writes one Lease object. Writes are guarded: a lease that changed since it was read is not replaced.
#[async_trait]
pub trait LeaseStore: Send + Sync + 'static {
    /// The lease, when there is one.
    async fn get(&self) -> Result<Option<Lease>, LeaseError>;
    /// Creates the lease; [`LeaseError::Conflict`] when there is one already.
    async fn create(&self, lease: &Lease) -> Result<Lease, LeaseError>;
    /// Replaces the lease of the same resource version; [`LeaseError::Conflict`] when there is a newer one.
    async fn replace(&self, lease: &Lease) -> Result<Lease, LeaseError>;
}

/// The Lease object of a cluster.
pub(super) struct ClusterLease {
    api: Api<Lease>,
    name: String,
}

impl ClusterLease {
    pub(super) fn new(client: Client, settings: &LeaseSettings) -> Self {
        Self { api: Api::namespaced(client, &settings.namespace), name: settings.name.clone() }
    }
}

#[async_trait]
impl LeaseStore for ClusterLease {
    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        self.api.get_opt(&self.name).await.map_err(translate)
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.api.create(&PostParams::default(), lease).await.map_err(translate)
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.api.replace(&self.name, &PostParams::default(), lease).await.map_err(translate)
    }
}

#[allow(clippy::needless_pass_by_value)] // the shape that map_err wants
fn translate(error: kube::Error) -> LeaseError {
    match errors::code_of(&error) {
        409 => LeaseError::Conflict,
        _ => LeaseError::Failed(errors::describe(&error)),
    }
}
