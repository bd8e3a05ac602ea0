//! Which revisions of one source are due for deletion. Pure: the collector supplies what it knows and deletes.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use super::{ArtifactKey, StoredArtifact};

/// How long revisions live on once they are no longer advertised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// How long after its retirement a revision is kept for consumers that still know its address.
    pub ttl: Duration,
    /// How many revisions are kept whatever their age, the advertised one included; 0 for a source that is gone.
    pub records: usize,
}

/// One stored revision of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What is stored.
    pub artifact: StoredArtifact,
    /// When it stopped being advertised. Who does not know (after a restart) gives the time of the first look, which
    /// errs on the side of keeping. Ignored for the advertised revision.
    pub retired_at: SystemTime,
}

/// What to delete, and when to look again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Revisions whose time is up.
    pub delete: Vec<ArtifactKey>,
    /// When the next revision's time is up; `None` while nothing waits for the clock.
    pub next_check: Option<SystemTime>,
}

/// Decides over all stored revisions of one source: `current` is never deleted, nor are the newest
/// [`RetentionSettings::records`] revisions (`current` counts as the newest), nor any that was retired less than
/// [`RetentionSettings::ttl`] ago.
pub fn expired(
    stored: &[Record],
    current: Option<&ArtifactKey>,
    now: SystemTime,
    settings: &RetentionSettings,
) -> Expiry {
    let is_current = |record: &Record| current == Some(&record.artifact.key);
    let mut newest_first: Vec<&Record> = stored.iter().collect();
    newest_first.sort_by_key(|record| {
        (!is_current(record), Reverse(record.artifact.stored_at), Reverse(record.retired_at), &record.artifact.key)
    });
    let mut expiry = Expiry::default();
    for record in newest_first.into_iter().skip(settings.records).filter(|record| !is_current(record)) {
        // A time that cannot be represented never comes.
        let Some(due) = record.retired_at.checked_add(settings.ttl) else { continue };
        if due <= now {
            expiry.delete.push(record.artifact.key.clone());
        } else {
            expiry.next_check = Some(expiry.next_check.map_or(due, |next| next.min(due)));
        }
    }
    expiry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectName;
    use crate::digest::Digest;

    fn key(name: &str) -> ArtifactKey {
        ArtifactKey::new(ObjectName::new("team-a", "config"), Digest::of(name.as_bytes()))
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    struct Case {
        what: &'static str,
        /// Name, stored at, retired at.
        stored: &'static [(&'static str, u64, u64)],
        current: Option<&'static str>,
        records: usize,
        delete: &'static [&'static str],
        next_check: Option<u64>,
    }

    const NOW: u64 = 1000;
    const TTL: u64 = 300;

    const CASES: &[Case] = &[
        Case { what: "nothing stored", stored: &[], current: None, records: 2, delete: &[], next_check: None },
        Case {
            what: "the current one alone",
            stored: &[("a", 1, 0)],
            current: Some("a"),
            records: 2,
            delete: &[],
            next_check: None,
        },
        Case {
            what: "the count protects old revisions",
            stored: &[("a", 1, 2), ("b", 2, 0)],
            current: Some("b"),
            records: 2,
            delete: &[],
            next_check: None,
        },
        Case {
            what: "beyond the count, the oldest go once their time is up",
            stored: &[("a", 1, 10), ("b", 2, 20), ("c", 3, 30), ("d", 4, 0)],
            current: Some("d"),
            records: 2,
            delete: &["b", "a"],
            next_check: None,
        },
        Case {
            what: "the ttl counts from the retirement, not from the storing",
            stored: &[("a", 1, 900), ("b", 2, 950), ("c", 990, 0)],
            current: Some("c"),
            records: 1,
            delete: &[],
            next_check: Some(1200),
        },
        Case {
            what: "due exactly now",
            stored: &[("a", 1, 700), ("b", 2, 0)],
            current: Some("b"),
            records: 1,
            delete: &["a"],
            next_check: None,
        },
        Case {
            what: "an old current one, advertised again, comes before newer ones",
            stored: &[("a", 1, 0), ("b", 2, 10), ("c", 3, 20)],
            current: Some("a"),
            records: 2,
            delete: &["b"],
            next_check: None,
        },
        Case {
            what: "never the current one, even with no records to keep",
            stored: &[("a", 1, 0), ("b", 2, 10)],
            current: Some("a"),
            records: 0,
            delete: &["b"],
            next_check: None,
        },
        Case {
            what: "a current one that is not stored takes nobody's place",
            stored: &[("a", 1, 10), ("b", 2, 20)],
            current: Some("c"),
            records: 2,
            delete: &[],
            next_check: None,
        },
        Case {
            what: "a source that is gone keeps nothing beyond the ttl",
            stored: &[("a", 1, 10), ("b", 2, 990), ("c", 3, 800)],
            current: None,
            records: 0,
            delete: &["a"],
            next_check: Some(1100),
        },
        Case {
            what: "a withdrawn advertisement keeps the newest",
            stored: &[("a", 1, 10), ("b", 2, 20), ("c", 3, 30)],
            current: None,
            records: 2,
            delete: &["a"],
            next_check: None,
        },
        Case {
            what: "a clock that went backwards deletes nothing early",
            stored: &[("a", 5000, 6000), ("b", 5001, 0)],
            current: Some("b"),
            records: 1,
            delete: &[],
            next_check: Some(6300),
        },
    ];

    #[test]
    fn keeps_what_is_current_recent_or_counted() {
        for case in CASES {
            let stored: Vec<Record> = case
                .stored
                .iter()
                .map(|(name, stored_at, retired_at)| Record {
                    artifact: StoredArtifact { key: key(name), size: 1, stored_at: at(*stored_at) },
                    retired_at: at(*retired_at),
                })
                .collect();
            let settings = RetentionSettings { ttl: Duration::from_secs(TTL), records: case.records };
            let expected = Expiry {
                delete: case.delete.iter().map(|name| key(name)).collect(),
                next_check: case.next_check.map(at),
            };
            let current = case.current.map(key);
            assert_eq!(expired(&stored, current.as_ref(), at(NOW), &settings), expected, "{}", case.what);
            let reversed: Vec<Record> = stored.into_iter().rev().collect();
            assert_eq!(expired(&reversed, current.as_ref(), at(NOW), &settings), expected, "{}, reversed", case.what);
        }
    }

    #[test]
    fn an_endless_ttl_keeps_everything() {
        let record =
            Record { artifact: StoredArtifact { key: key("a"), size: 1, stored_at: at(1) }, retired_at: at(2) };
        let settings = RetentionSettings { ttl: Duration::MAX, records: 0 };
        assert_eq!(expired(&[record], None, at(NOW), &settings), Expiry::default());
    }
}
