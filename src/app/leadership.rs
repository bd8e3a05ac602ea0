//! Passes leadership on to the storage and to the actors.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use crate::actors::system::SystemHandle;
use crate::api::ObjectName;
use crate::api::conditions::reasons;
use crate::cluster::ClusterCatalog;
use crate::cluster::lease::Leadership;
use crate::http::health::Health;
use crate::storage::Storage;

/// What is said about memory storage, in the log and in an event.
pub const VOLATILE: &str = "STORAGE_BACKEND is memory: no artifact survives a restart, all are fetched again";

/// How long taking or giving up the storage may take: a file server that does not answer shall not keep a replica from
/// leading or from ending. Whatever is still under way goes on by itself.
const STORAGE_PATIENCE: Duration = Duration::from_secs(10);

/// Those who have to know who leads.
pub struct Follower {
    /// Works while this replica leads.
    pub system: SystemHandle,
    /// Is written to while this replica leads.
    pub storage: Arc<dyn Storage>,
    /// Is ready while this replica stands by.
    pub health: Arc<Health>,
    /// Where to say, once, that nothing survives a restart.
    pub untold: Option<(Arc<ClusterCatalog>, ObjectName)>,
}

impl Follower {
    /// Runs until the lease task is gone. A replica that stands by is ready: it serves what its storage holds.
    pub async fn follow(mut self, mut leadership: Receiver<Leadership>) {
        loop {
            let now = *leadership.borrow_and_update();
            match now {
                Leadership::Leader => self.lead().await,
                // A pod that knows neither its rivals nor its objects is not ready: a rollout has to wait for it.
                Leadership::Unknown => {}
                Leadership::Standby => {
                    self.system.lead(false);
                    give_up(self.storage.as_ref()).await;
                    self.health.set_synced();
                }
            }
            // Without a lease nothing ever changes; with one, the sender is gone only once everything has stopped.
            if leadership.changed().await.is_err() {
                return;
            }
        }
    }

    /// The storage first, so that what the leader before us has not given up yet need not fail the first runs. When it
    /// cannot be had now, every write tries again.
    async fn lead(&mut self) {
        match tokio::time::timeout(STORAGE_PATIENCE, self.storage.lead(true)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the storage cannot be written to; every write tries again"),
            Err(_) => tracing::error!("the storage does not answer; every write tries again"),
        }
        self.system.lead(true);
        if let Some((catalog, pod)) = self.untold.take() {
            tokio::spawn(warn(catalog, pod));
        }
    }
}

/// Lets somebody else write to the storage once our writes are over.
pub async fn give_up(storage: &dyn Storage) {
    match tokio::time::timeout(STORAGE_PATIENCE, storage.lead(false)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the storage could not be given up"),
        Err(_) => tracing::warn!("writes to the storage are still under way; it is given up after them"),
    }
}

async fn warn(catalog: Arc<ClusterCatalog>, pod: ObjectName) {
    if let Err(error) = catalog.warn_on_pod(&pod, reasons::VOLATILE_STORAGE, VOLATILE).await {
        tracing::debug!(%error, "an event was lost");
    }
}
