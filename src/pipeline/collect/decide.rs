//! What a round decides, as pure functions.

use std::time::{Duration, SystemTime};

use crate::digest::Digest;
use crate::storage::{ArtifactKey, StoredArtifact};

/// What the objects say about an archive, by who knows all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Every object of its namespace is seen.
    pub is_watched: bool,
    /// The source that it is named after exists, or its end is being dealt with.
    pub has_source: bool,
    /// Some ExternalArtifact, whosever it is, names it or may name it.
    pub is_named: bool,
}

/// Whether nobody can need this archive any more.
pub fn is_orphan(stored: &StoredArtifact, claims: Claims, now: SystemTime, stale_after: Duration) -> bool {
    // A time to come is one of another clock, and says nothing about the age.
    let is_stale = stale_after.is_zero() || now.duration_since(stored.stored_at).is_ok_and(|age| age >= stale_after);
    claims.is_watched && !claims.has_source && !claims.is_named && is_stale
}

/// A stretch of time within the rolling check. Every archive has its moment within the period, the same in every period
/// and after every restart; a round reads those whose moment has come since the last one. So nothing has to be
/// remembered, and what is read is spread evenly.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Its beginning, which belongs to the window before.
    pub from: SystemTime,
    /// Its end.
    pub to: SystemTime,
    /// Within which time every archive has its moment once; no archive ever when zero.
    pub period: Duration,
}

impl Window {
    /// Whether the archive's moment lies in here.
    pub fn holds(&self, key: &ArtifactKey) -> bool {
        let since_epoch = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_nanos());
        let (Ok(from), Ok(to)) = (since_epoch(self.from), since_epoch(self.to)) else { return false };
        let period = self.period.as_nanos();
        if period == 0 {
            return false;
        }
        let moment = u128::from(scattered(key)) % period;
        let Some(periods) = to.checked_sub(moment).map(|since| since / period) else { return false };
        periods * period + moment > from
    }
}

/// A number that has nothing to do with the order of keys.
fn scattered(key: &ArtifactKey) -> u64 {
    let digest = Digest::of(key.to_string().as_bytes()).hex();
    // Sixteen hex digits are always a number.
    u64::from_str_radix(&digest.as_str()[..16], 16).unwrap_or_default()
}
