//! Decisions as tables and properties; whole rounds over a storage and objects that are lists.

mod properties;
mod rounds;
mod shelf;

use std::time::{Duration, SystemTime};

use super::*;
use crate::digest::Digest;

fn key(namespace: &str, name: &str, content: &str) -> ArtifactKey {
    ArtifactKey::new(ObjectName::new(namespace, name), Digest::of(content.as_bytes()))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

const ORPHANED: Claims = Claims { is_watched: true, has_source: false, is_named: false };
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn only_what_nobody_claims_and_is_old_enough_is_an_orphan() {
    let table = [
        ("nobody's", ORPHANED, 6400, true),
        ("stored a moment ago", ORPHANED, 9999, false),
        ("almost old enough", ORPHANED, 6401, false),
        ("stored in the future", ORPHANED, 20_000, false),
        ("of a namespace that is not watched", Claims { is_watched: false, ..ORPHANED }, 0, false),
        ("its source exists", Claims { has_source: true, ..ORPHANED }, 0, false),
        ("an ExternalArtifact names it", Claims { is_named: true, ..ORPHANED }, 0, false),
    ];
    for (what, claims, stored_at, expected) in table {
        let stored = StoredArtifact { key: key("team-a", "config", "1"), size: 1, stored_at: at(stored_at) };
        assert_eq!(is_orphan(&stored, claims, at(10_000), HOUR), expected, "{what}");
    }
    let future = StoredArtifact { key: key("team-a", "config", "1"), size: 1, stored_at: at(20_000) };
    assert!(is_orphan(&future, ORPHANED, at(10_000), Duration::ZERO), "any age is enough");
}

#[test]
fn without_a_period_nothing_is_ever_read() {
    let window = Window { from: at(0), to: at(1_000_000), period: Duration::ZERO };
    assert!(!window.holds(&key("team-a", "config", "1")));
}

#[test]
fn the_moments_are_spread_over_the_period() {
    let keys: Vec<_> = (0..10_000).map(|n| key("team-a", &format!("config-{n}"), "the same")).collect();
    for hour in 0..24 {
        let from = at(1_700_000_000) + HOUR * hour;
        let window = Window { from, to: from + HOUR, period: HOUR * 24 };
        let due = keys.iter().filter(|key| window.holds(key)).count();
        assert!((300..=530).contains(&due), "{due} of 10,000 in hour {hour}");
    }
}
