//! When a crashed child comes back, and when its parent gives up. Pure: the time is an argument.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// First delay: a crash is rarely mended by an instant retry.
const BASE: Duration = Duration::from_secs(1);
/// Longest delay between restarts.
const CAP: Duration = Duration::from_secs(60);
/// A child that ran this long is healthy: its earlier crashes are forgotten.
const HEALTHY_AFTER: Duration = Duration::from_secs(300);
/// Crashes in a row after which a fixed child is given up. The delays add up to about four minutes.
const LIMIT: u32 = 8;

/// What to do about a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Start it again after this time.
    After(Duration),
    /// It will not get well in this process.
    GiveUp,
}

/// The crashes of one child.
#[derive(Debug, Default)]
pub struct History {
    failures: u32,
    last: Option<Duration>,
}

impl History {
    /// A child crashed at `now` (time since any fixed moment).
    pub fn failed(&mut self, now: Duration) -> Restart {
        if self.last.is_some_and(|last| now.saturating_sub(last) > HEALTHY_AFTER) {
            self.failures = 0;
        }
        self.last = Some(now);
        self.failures = self.failures.saturating_add(1);
        if self.failures > LIMIT { Restart::GiveUp } else { Restart::After(delay(self.failures)) }
    }

    /// As [`History::failed`], for a child that is never given up: its crashes are its own.
    pub fn failed_alone(&mut self, now: Duration) -> Duration {
        match self.failed(now) {
            Restart::After(delay) => delay,
            Restart::GiveUp => CAP,
        }
    }
}

fn delay(failures: u32) -> Duration {
    let backoff = ExponentialBuilder::default().with_min_delay(BASE).with_max_delay(CAP).with_max_times(LIMIT as usize);
    backoff.build().nth(failures.saturating_sub(1) as usize).unwrap_or(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_with_growing_delays_and_then_gives_up() {
        let mut history = History::default();
        let now = Duration::from_secs(10);
        let delays: Vec<_> = (0..8).map(|_| history.failed(now)).collect();
        let expected = [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| Restart::After(Duration::from_secs(seconds)));
        assert_eq!(delays, expected);
        assert_eq!(history.failed(now), Restart::GiveUp);
        assert_eq!(history.failed_alone(now), CAP);
    }

    #[test]
    fn a_healthy_stretch_forgets_earlier_crashes() {
        let mut history = History::default();
        for _ in 0..8 {
            history.failed(Duration::ZERO);
        }
        assert_eq!(history.failed(Duration::from_secs(301)), Restart::After(BASE));
    }
}
