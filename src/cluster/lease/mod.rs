//! Leader election over one Lease object (<https://kubernetes.io/docs/concepts/architecture/leases/>): the leader
//! renews it, the others take it once they have not seen it change for its duration, and every write is guarded by
//! the resource version. The leader's [`Fence`] closes before anybody else can have waited long enough.

mod decision;
mod fence;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use fence::Fence;
pub use store::{LeaseError, LeaseStore};

use super::LeaseSettings;
use decision::{Observed, Step, decide};
use fence::Moment;
use store::ClusterLease;

/// Longest wait for one answer about the lease: a healthy API server needs milliseconds, and an attempt on a dead
/// connection must leave time for another one before the fence closes.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// Whether this replica works or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// The lease was not read yet.
    Unknown,
    /// Another replica holds the lease, or none does yet.
    Standby,
    /// This replica holds the lease.
    Leader,
}

/// Takes part in the election until told to stop.
pub struct LeaseTask {
    elector: Option<Elector>,
}

impl LeaseTask {
    /// The election that `settings` describe, or none: then this replica leads at once and for ever.
    pub(super) fn new(
        client: &kube::Client,
        settings: Option<LeaseSettings>,
    ) -> (Self, Fence, watch::Receiver<Leadership>) {
        let Some(settings) = settings else {
            return (Self { elector: None }, Fence::always_open(), watch::channel(Leadership::Leader).1);
        };
        let store = ClusterLease::new(client.clone(), &settings);
        let (elector, leadership) = Elector::new(Box::new(store), settings);
        let fence = elector.fence.clone();
        (Self { elector: Some(elector) }, fence, leadership)
    }

    /// Runs until `shutdown`, then gives the lease back so that the next replica need not wait for it to expire.
    /// Cancel it only when the last write is over: the fence closes at once.
    pub async fn run(self, shutdown: CancellationToken) {
        match self.elector {
            Some(elector) => elector.run(shutdown).await,
            None => shutdown.cancelled().await,
        }
    }
}

struct Elector {
    store: Box<dyn LeaseStore>,
    settings: LeaseSettings,
    fence: Fence,
    leadership: watch::Sender<Leadership>,
    observed: Option<Observed>,
    /// Whether `observed` may be outdated: nothing was read yet, or a write's outcome is unknown.
    stale: bool,
    last_error: Option<String>,
}

impl Elector {
    fn new(store: Box<dyn LeaseStore>, settings: LeaseSettings) -> (Self, watch::Receiver<Leadership>) {
        let (leadership, receiver) = watch::channel(Leadership::Unknown);
        let fence = Fence::closed();
        (Self { store, settings, fence, leadership, observed: None, stale: true, last_error: None }, receiver)
    }

    async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let limit = self.attempt_limit();
            tokio::select! {
                () = shutdown.cancelled() => break,
                outcome = timeout(limit, self.attempt()) => {
                    self.report(outcome.unwrap_or_else(|_| Err(LeaseError::Failed("the API server did not answer".into()))));
                }
            }
            self.publish();
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(self.pause()) => {}
            }
            self.publish();
        }
        self.release().await;
    }

    /// One try to take or to keep the lease. Every write is guarded, so it may be cut off anywhere.
    async fn attempt(&mut self) -> Result<(), LeaseError> {
        // The leader knows the record that it wrote; a conflict tells it when that is no longer the last one.
        if self.stale || !self.fence.is_open() {
            self.refresh().await?;
        }
        let before = self.observed.as_ref().map(|observed| &observed.lease);
        match decide(self.observed.as_ref(), &self.settings.identity, self.settings.duration, Instant::now()) {
            Step::Wait => {
                self.fence.close();
                Ok(())
            }
            Step::Create | Step::Take | Step::Renew => {
                let lease = decision::held(before, &self.settings, Timestamp::now());
                let sent = Moment::now();
                let written = self.write(&lease).await?;
                self.observe(Some(written));
                self.fence.open_from(sent, self.settings.renew_deadline);
                Ok(())
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), LeaseError> {
        let lease = self.store.get().await?;
        self.observe(lease);
        Ok(())
    }

    fn observe(&mut self, lease: Option<Lease>) {
        let before = self.observed.take();
        self.observed = lease.map(|lease| Observed::update(before, lease, Instant::now()));
        self.stale = false;
    }

    async fn write(&mut self, lease: &Lease) -> Result<Lease, LeaseError> {
        // Until the answer is here it is unknown what the store holds, also when this future is dropped.
        self.stale = true;
        match lease.metadata.resource_version {
            Some(_) => self.store.replace(lease).await,
            None => self.store.create(lease).await,
        }
    }

    async fn release(mut self) {
        let held = self.fence.is_open();
        self.fence.close();
        self.publish();
        // With the outcome of a write unknown, the lease may be ours all the same.
        if !held && !self.stale {
            return;
        }
        let outcome = timeout(ATTEMPT_LIMIT, self.give_back()).await;
        if !matches!(outcome, Ok(Ok(()))) {
            warn!(lease = %self.settings.name, "the lease could not be given back; the next leader waits for its end");
        }
    }

    async fn give_back(&mut self) -> Result<(), LeaseError> {
        if self.stale {
            self.refresh().await?;
        }
        let Some(Observed { lease, .. }) = self.observed.take() else { return Ok(()) };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        if holder == Some(&self.settings.identity) {
            self.store.replace(&decision::released(&lease, &self.settings, Timestamp::now())).await?;
        }
        Ok(())
    }

    /// A leader's attempt ends with its fence at the latest, and leaves room for a second one.
    fn attempt_limit(&self) -> Duration {
        let limit = ATTEMPT_LIMIT.min(self.settings.renew_deadline / 2);
        self.fence.remaining().map_or(limit, |remaining| limit.min(remaining))
    }

    /// Until the next attempt, or until the fence closes: that must be told at once. Those who wait are spread out.
    fn pause(&self) -> Duration {
        match self.fence.remaining() {
            Some(remaining) => self.settings.retry_period.min(remaining),
            None => self.settings.retry_period.mul_f64(1.0 + 0.2 * fastrand::f64()),
        }
    }

    fn publish(&self) {
        let was_read = *self.leadership.borrow() != Leadership::Unknown || !self.stale;
        let now = match (self.fence.is_open(), was_read) {
            (true, _) => Leadership::Leader,
            (false, true) => Leadership::Standby,
            (false, false) => Leadership::Unknown,
        };
        let changed = self.leadership.send_if_modified(|before| std::mem::replace(before, now) != now);
        if changed {
            let lease = &self.settings;
            info!(lease.name, lease.namespace, lease.identity, leadership = ?now, "leadership changed");
        }
    }

    fn report(&mut self, outcome: Result<(), LeaseError>) {
        let error = outcome.err().filter(|error| !matches!(error, LeaseError::Conflict)).map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|error| self.last_error.as_ref() != Some(error)) {
            warn!(lease.name = self.settings.name, error, "the lease cannot be taken or renewed");
        }
        self.last_error = error;
    }
}
