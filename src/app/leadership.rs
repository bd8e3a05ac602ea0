//! Passes leadership on to the actors.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use crate::actors::system::SystemHandle;
use crate::cluster::lease::Leadership;
use crate::http::health::Health;

/// Runs until the lease task is gone. A replica that stands by is ready: it serves what its storage holds.
pub async fn follow(mut leadership: Receiver<Leadership>, system: SystemHandle, health: Arc<Health>) {
    loop {
        let now = *leadership.borrow_and_update();
        match now {
            Leadership::Leader => system.lead(true),
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
