//! Passes leadership on to the actors.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use crate::actors::system::SystemHandle;
use crate::api::ObjectName;
use crate::api::conditions::reasons;
use crate::cluster::ClusterCatalog;
use crate::cluster::lease::Leadership;
use crate::http::health::Health;

/// What is said about memory storage, in the log and in an event.
pub const VOLATILE: &str = "STORAGE_BACKEND is memory: no artifact survives a restart, all are fetched again";

/// Runs until the lease task is gone. A replica that stands by is ready: it serves what its storage holds.
pub async fn follow(
    mut leadership: Receiver<Leadership>,
    system: SystemHandle,
    health: Arc<Health>,
    catalog: Arc<ClusterCatalog>,
    pod: ObjectName,
) {
    let mut untold = Some((catalog, pod));
    loop {
        let now = *leadership.borrow_and_update();
        match now {
            Leadership::Leader => {
                system.lead(true);
                if let Some((catalog, pod)) = untold.take() {
                    tokio::spawn(warn(catalog, pod));
                }
            }
            // A pod that knows neither its rivals nor its objects is not ready: a rollout has to wait for it.
            Leadership::Unknown => {}
            Leadership::Standby => {
                system.lead(false);
                health.set_synced();
            }
        }
        // Without a lease nothing ever changes; with one, the sender is gone only once everything has stopped.
        if leadership.changed().await.is_err() {
            return;
        }
    }
}

async fn warn(catalog: Arc<ClusterCatalog>, pod: ObjectName) {
    if let Err(error) = catalog.warn_on_pod(&pod, reasons::VOLATILE_STORAGE, VOLATILE).await {
        tracing::debug!(%error, "an event was lost");
    }
}
