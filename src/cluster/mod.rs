//! The catalog over the Kubernetes API; everything that talks to the API server.

mod errors;
pub mod lease;
mod throttle;

use std::path::PathBuf;
use std::time::Duration;

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
    /// Time between attempts to take or renew.
    pub retry_period: Duration,
}
