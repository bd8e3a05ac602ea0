//! Finds out which cluster this is, for the owner marker of the storage.

use std::time::Duration;

use crate::cluster::ClusterCatalog;

/// How long the API server is asked: a process that starts while it is away shall not serve what it has much later for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wait between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// What tells this cluster from others; `None`, and a word in the log, when it cannot be found out.
pub async fn cluster(catalog: &ClusterCatalog) -> Option<String> {
    let ask = async {
        loop {
            match catalog.cluster_id().await {
                Ok(id) => return id,
                Err(error) => tracing::debug!(%error, "the cluster cannot be identified"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let id = tokio::time::timeout(PATIENCE, ask).await.ok().flatten();
    if id.is_none() {
        tracing::warn!(
            "the uid of the namespace kube-system cannot be read, so that another cluster's storage is told by namespace \
             and release only; allow reading it, or set CLUSTER_ID"
        );
    }
    id
}
