//! The catalog over the Kubernetes API; everything that talks to the API server.

mod artifact;
mod call;
mod client;
mod config_map;
mod crds;
mod errors;
mod events;
mod identity;
pub mod lease;
mod legacy;
mod objects;
mod secret;
mod status;
#[cfg(test)]
mod tests;
mod throttle;
mod watch;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use kube::Client;
use tokio::sync::watch::Receiver;

pub use client::ConnectError;
pub use crds::CrdError;

use self::call::ApiServer;
use self::events::Events;
use self::lease::{Leadership, LeaseTask};
use self::throttle::Throttle;
use crate::api::{ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, ObjectName};
use crate::catalog::{Catalog, CatalogError, Change, Event};
use crate::generators::Secret;

/// Which cluster, which objects, and how hard to press.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// The kubeconfig file; in-cluster configuration, then the default files, when absent.
    pub kubeconfig: Option<PathBuf>,
    /// Namespaces to watch; all when empty.
    pub namespaces: Vec<String>,
    /// Only `ExternalSources` with these labels.
    pub label_selector: Option<String>,
    /// Requests per second to the API server over time; unlimited when 0.
    pub qps: u32,
    /// Requests at once beyond `qps`.
    pub burst: u32,
    /// Who reports events: the pod's name.
    pub instance: String,
    /// The lease to hold while working; `None` works at once.
    pub lease: Option<LeaseSettings>,
}

/// The leader lease (<https://kubernetes.io/docs/concepts/architecture/leases/>).
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// Name of the Lease object.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Who we are: unique per replica.
    pub identity: String,
    /// How long others wait after the last renewal before they take over.
    pub duration: Duration,
    /// How long after the last renewal we stop writing; shorter than `duration`.
    pub renew_deadline: Duration,
    /// Time between attempts to take or renew; shorter than `renew_deadline`.
    pub retry_period: Duration,
}

impl LeaseSettings {
    /// Whether a leader has the time to renew, and has stopped writing before anybody else begins.
    fn is_sound(&self) -> bool {
        self.retry_period < self.renew_deadline && self.renew_deadline < self.duration
    }
}

/// The catalog, and what keeps it going.
pub struct Connection {
    /// Reads and writes the objects.
    pub catalog: ClusterCatalog,
    /// Whether this replica is to work.
    pub leadership: Receiver<Leadership>,
    /// To be run next to everything else, and stopped after it: without it, no write is ever sent.
    pub lease: LeaseTask,
}

/// The objects of a cluster. Must be made within a tokio runtime; clones share everything.
#[derive(Clone)]
pub struct ClusterCatalog {
    api: Arc<ApiServer>,
    events: Events,
    namespaces: Vec<String>,
    label_selector: Option<String>,
    addresses: Vec<IpAddr>,
}

impl ClusterCatalog {
    /// Reads the configuration and prepares a client. Connects to nothing: an API server that cannot be reached is
    /// waited for by whoever needs it.
    pub async fn connect(settings: ClusterSettings) -> Result<Connection, ConnectError> {
        if settings.lease.as_ref().is_some_and(|lease| !lease.is_sound()) {
            return Err(ConnectError::Lease);
        }
        let config = client::load(settings.kubeconfig.clone()).await?;
        let addresses = client::addresses(&config).await;
        let mut connection = Self::over(&client::build(config)?, settings);
        connection.catalog.addresses = addresses;
        Ok(connection)
    }

    /// The catalog over this client; `settings.kubeconfig` is not looked at.
    pub fn over(client: &Client, settings: ClusterSettings) -> Connection {
        let (lease, fence, leadership) = LeaseTask::new(client, settings.lease);
        let throttle = Throttle::new(settings.qps, settings.burst);
        let api = Arc::new(ApiServer { client: client.clone(), throttle, fence });
        let catalog = Self {
            events: Events::start(client.clone(), api.fence.clone(), settings.qps, settings.instance),
            api,
            namespaces: settings.namespaces,
            label_selector: settings.label_selector,
            addresses: Vec::new(),
        };
        Connection { catalog, leadership, lease }
    }

    /// Checks that the API server serves both kinds. Worth asking again while [`CrdError::Unknown`].
    pub async fn check_crds(&self) -> Result<(), CrdError> {
        crds::check(&self.api).await
    }

    /// Data of a ConfigMap; `None` when there is none of this name.
    pub async fn config_map(&self, name: &ObjectName) -> Result<Option<BTreeMap<String, String>>, CatalogError> {
        config_map::read(&self.api, name).await
    }

    /// What tells this cluster from others; `None` when that cannot be found out.
    pub async fn cluster_id(&self) -> Result<Option<String>, CatalogError> {
        identity::read(&self.api).await
    }

    /// Tells people about this process, in an event on its pod.
    pub async fn warn_on_pod(&self, pod: &ObjectName, reason: &str, message: &str) -> Result<(), CatalogError> {
        events::warn_on_pod(&self.api, pod, reason, message).await
    }

    /// The addresses of the API server, which generators must not reach: those that the kubeconfig's host had at the
    /// start, and the one in `KUBERNETES_SERVICE_HOST`.
    pub fn api_server_addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }
}

#[async_trait]
impl Catalog for ClusterCatalog {
    fn watch(&self) -> BoxStream<'static, Result<Change, CatalogError>> {
        watch::watch(&self.api.client, &self.namespaces, self.label_selector.as_deref())
    }

    fn is_watched(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|watched| watched == namespace)
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, CatalogError> {
        secret::read(&self.api, namespace, name).await
    }

    async fn apply_artifact(&self, source: &ExternalSource) -> Result<Arc<ExternalArtifact>, CatalogError> {
        artifact::apply(&self.api, source).await
    }

    async fn apply_artifact_status(
        &self,
        source: &ExternalSource,
        status: &ExternalArtifactStatus,
    ) -> Result<Arc<ExternalArtifact>, CatalogError> {
        status::apply_to_artifact(&self.api, source, status).await
    }

    async fn apply_source_status(
        &self,
        source: &ExternalSource,
        status: &ExternalSourceStatus,
    ) -> Result<Arc<ExternalSource>, CatalogError> {
        status::apply_to_source(&self.api, source, status).await
    }

    async fn remove_legacy_finalizer(&self, source: &ExternalSource) -> Result<(), CatalogError> {
        legacy::remove_finalizer(&self.api, source).await
    }

    async fn is_reachable(&self) -> bool {
        !matches!(self.check_crds().await, Err(CrdError::Unknown(_)))
    }

    fn tell(&self, event: Event) {
        self.events.tell(event);
    }
}
