//! When a source runs again: its interval with jitter, and the backoff after failures. Pure; randomness is an argument.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

use crate::api::conditions::reasons;
use crate::api::duration;
use crate::failure::{Class, Failure};

/// How runs are spaced.
#[derive(Debug, Clone)]
pub struct ScheduleSettings {
    /// No interval is shorter than this.
    pub min_interval: Duration,
    /// Intervals vary by up to this fraction (0.05 is 5 %), so that sources drift apart.
    pub interval_jitter: f64,
    /// Backoff after transient failures.
    pub retry: RetrySettings,
}

/// Backoff after transient failures.
#[derive(Debug, Clone)]
pub struct RetrySettings {
    /// Delay after the first failure.
    pub base_delay: Duration,
    /// No delay is longer than this.
    pub max_delay: Duration,
    /// Retries in a row; after that, the next one is the next interval's.
    pub max_attempts: u32,
    /// Delays vary by up to this fraction.
    pub jitter_factor: f64,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(60),
            interval_jitter: 0.05,
            retry: RetrySettings {
                base_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(300),
                max_attempts: 10,
                jitter_factor: 0.25,
            },
        }
    }
}

/// What `spec.interval` comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Time between runs.
    pub effective: Duration,
    /// Whether the user wrote less than the minimum.
    pub raised: bool,
}

/// Reads `spec.interval`; less than `minimum` is raised to it.
pub fn interval(text: &str, minimum: Duration) -> Result<Interval, Failure> {
    let written = duration::parse(text).map_err(|error| Failure {
        class: Class::Configuration,
        reason: reasons::INVALID_SPEC,
        message: format!("spec.interval {text:?} {error}"),
    })?;
    Ok(Interval { effective: written.max(minimum), raised: written < minimum })
}

impl RetrySettings {
    /// Delay before retry number `failures` (the first is 1), doubling up to the maximum. `random` lies in 0..1.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let nth = failures.saturating_sub(1) as usize;
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(self.base_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(nth + 1)
            .build();
        let delay = delays.nth(nth.min(64)).unwrap_or(self.max_delay);
        jittered(delay.min(self.max_delay), self.jitter_factor, random)
    }
}

/// `duration` moved by up to `fraction` of itself in either direction; `random` lies in 0..1.
pub fn jittered(duration: Duration, fraction: f64, random: f64) -> Duration {
    let factor = 1.0 + fraction.clamp(0.0, 1.0) * (2.0 * random - 1.0);
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let retry = ScheduleSettings::default().retry;
        let seconds: Vec<_> = (1..=11).map(|n| retry.delay(n, 0.5).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(retry.delay(u32::MAX, 0.5), Duration::from_secs(300));
    }

    #[test]
    fn jitter_stays_within_its_fraction() {
        let minute = Duration::from_secs(60);
        assert_eq!(jittered(minute, 0.05, 0.0), Duration::from_secs(57));
        assert_eq!(jittered(minute, 0.05, 0.5), minute);
        assert!(jittered(minute, 0.05, 0.999) < Duration::from_secs(63));
        assert_eq!(jittered(Duration::MAX, 1.0, 1.0), Duration::MAX);
    }
}
