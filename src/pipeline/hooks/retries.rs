//! How often hooks are tried again, and when. One budget for all hooks of a run, before and after the request.

use std::time::Duration;

use crate::api::ExternalSourceSpec;
use crate::pipeline::schedule::RetrySettings;

/// Retries of a run when the user says nothing.
const DEFAULT: i64 = 3;

/// More retries than this are not made in one run, whatever the user says: the next run starts anew.
const MOST: i64 = 100;

/// The longest delay is this part of the interval, so that the retries of a run do not take the place of the next one.
const PART_OF_INTERVAL: u32 = 10;

/// The retries of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    left: u32,
    made: u32,
}

impl Retries {
    /// What `spec.maxRetries` allows: any int64 may stand there.
    pub fn of(spec: &ExternalSourceSpec) -> Self {
        let left = spec.max_retries.unwrap_or(DEFAULT).clamp(0, MOST);
        Self { left: u32::try_from(left).unwrap_or(0), made: 0 }
    }

    /// Counts one more; its number, from 1, or `None` if there is none left.
    pub fn take(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        self.made += 1;
        Some(self.made)
    }
}

/// How long to wait before retry number `nth` of a run; `random` lies in 0..1.
pub fn delay(retry: &RetrySettings, interval: Duration, nth: u32, random: f64) -> Duration {
    retry.delay(nth, random).min(interval / PART_OF_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::schedule::ScheduleSettings;

    fn made(max_retries: Option<i64>) -> u32 {
        let mut retries = Retries::of(&ExternalSourceSpec { max_retries, ..ExternalSourceSpec::default() });
        std::iter::from_fn(|| retries.take()).last().unwrap_or_default()
    }

    #[test]
    fn any_int64_is_a_number_of_retries() {
        for (max_retries, expected) in
            [(None, 3), (Some(0), 0), (Some(-1), 0), (Some(i64::MIN), 0), (Some(7), 7), (Some(i64::MAX), 100)]
        {
            assert_eq!(made(max_retries), expected, "{max_retries:?}");
        }
    }

    #[test]
    fn delays_double_and_stay_well_below_the_interval() {
        let retry = ScheduleSettings::default().retry;
        let delays = |interval| [1, 2, 3, 4, 100].map(|nth| delay(&retry, Duration::from_secs(interval), nth, 0.5));
        assert_eq!(delays(3600).map(|delay| delay.as_secs()), [1, 2, 4, 8, 300]);
        assert_eq!(delays(60).map(|delay| delay.as_secs()), [1, 2, 4, 6, 6]);
    }
}
