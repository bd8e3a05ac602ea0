//! Until when this replica may write: checked before every write, and the bound of its duration.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Open for ever: there is nobody to hand over to.
const ALWAYS: u64 = u64::MAX;

/// Says whether, and for how long, this replica may write. Clones share their state; reading costs two loads and
/// two looks at a clock.
///
/// The end is kept on two clocks of this machine, and the earlier one counts: the monotonic clock cannot be set, but
/// stands still while a machine is suspended; the wall clock goes on. Clocks of different machines are never compared.
#[derive(Debug, Clone)]
pub struct Fence(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where the monotonic milliseconds count from.
    epoch: Instant,
    /// End of validity in milliseconds since `epoch`.
    until: AtomicU64,
    /// End of validity in milliseconds of Unix time.
    wall_until: AtomicU64,
}

/// One moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

impl Fence {
    /// A fence that never closes, for a controller without a lease.
    pub fn always_open() -> Self {
        Self::until(ALWAYS)
    }

    /// A fence that opens with the lease.
    pub fn closed() -> Self {
        Self::until(0)
    }

    fn until(until: u64) -> Self {
        let inner = Inner { epoch: Instant::now(), until: until.into(), wall_until: until.into() };
        Self(Arc::new(inner))
    }

    /// How long writes are still allowed; `None` when they are not.
    pub fn remaining(&self) -> Option<Duration> {
        let until = self.0.until.load(Ordering::Acquire);
        if until == ALWAYS {
            return Some(Duration::MAX);
        }
        let left = until.saturating_sub(millis(self.0.epoch.elapsed()));
        let wall_left = self.0.wall_until.load(Ordering::Acquire).saturating_sub(unix_millis(SystemTime::now()));
        let left = left.min(wall_left);
        (left > 0).then_some(Duration::from_millis(left))
    }

    /// Whether writes are allowed now.
    pub fn is_open(&self) -> bool {
        self.remaining().is_some()
    }

    /// Opens the fence until `validity` after `sent`, the moment before the renewal was sent.
    pub(super) fn open_from(&self, sent: Moment, validity: Duration) {
        let until = sent.monotonic.saturating_duration_since(self.0.epoch) + validity;
        self.0.wall_until.store(unix_millis(sent.wall + validity), Ordering::Release);
        self.0.until.store(millis(until), Ordering::Release);
    }

    /// Closes the fence now.
    pub(super) fn close(&self) {
        self.0.until.store(0, Ordering::Release);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(ALWAYS - 1)
}

fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALIDITY: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn closes_by_itself_when_the_validity_is_over() {
        let fence = Fence::closed();
        assert!(!fence.is_open());
        fence.open_from(Moment::now(), VALIDITY);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(fence.remaining().is_some_and(|left| left <= Duration::from_secs(1)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!fence.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn counts_from_the_request_not_from_the_answer() {
        let fence = Fence::closed();
        let sent = Moment::now();
        tokio::time::sleep(Duration::from_secs(11)).await;
        fence.open_from(sent, VALIDITY);
        assert!(!fence.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_finds_its_fence_closed() {
        let fence = Fence::closed();
        let before_sleep = Moment { wall: SystemTime::now() - Duration::from_secs(60), ..Moment::now() };
        fence.open_from(before_sleep, VALIDITY);
        assert!(!fence.is_open());
    }

    #[test]
    fn without_a_lease_it_is_always_open() {
        assert_eq!(Fence::always_open().remaining(), Some(Duration::MAX));
    }
}
