//! A token bucket: at most so many requests per second over time, with bursts.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Spaces requests out; waiters go in the order in which they came.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Time that one request costs; zero when unlimited.
    cost: Duration,
    /// How far ahead of its schedule the bucket may run.
    tolerance: Duration,
    /// When the next request would be on schedule.
    next: Mutex<Instant>,
}

impl Throttle {
    /// `per_second` requests over time and `burst` at once; unlimited when `per_second` is 0.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let cost = Duration::from_secs(1).checked_div(per_second).unwrap_or_default();
        Self { cost, tolerance: cost * burst.saturating_sub(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits until one more request is in order.
    pub(super) async fn acquire(&self) {
        let due = self.reserve(Instant::now());
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
    }

    /// Takes the next place, and says when it is (the generic cell rate algorithm).
    fn reserve(&self, now: Instant) -> Instant {
        if self.cost.is_zero() {
            return now;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let scheduled = (*next).max(now);
        *next = scheduled + self.cost;
        scheduled.checked_sub(self.tolerance).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(throttle: &Throttle, now: Instant, requests: usize) -> Vec<u64> {
        (0..requests).map(|_| (throttle.reserve(now) - now).as_millis() as u64).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let throttle = Throttle::new(10, 3);
        let now = Instant::now();
        assert_eq!(waits(&throttle, now, 5), [0, 0, 0, 100, 200]);
        assert_eq!(waits(&throttle, now + Duration::from_secs(60), 4), [0, 0, 0, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        assert_eq!(waits(&Throttle::new(0, 0), Instant::now(), 1000), [0; 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_zero_still_lets_requests_through() {
        assert_eq!(waits(&Throttle::new(2, 0), Instant::now(), 3), [0, 500, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn acquire_waits_for_its_turn() {
        let throttle = Throttle::new(1, 1);
        let start = Instant::now();
        throttle.acquire().await;
        throttle.acquire().await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }
}
