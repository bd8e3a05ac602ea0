//! What holds whatever is stored, and whatever the objects say.

use proptest::prelude::*;

use super::shelf::{Shelf, World};
use super::*;
use crate::pipeline::collect::Round;
use crate::storage::Presence;

/// An archive, and what is true about it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
struct Given {
    key: ArtifactKey,
    age: u64,
    has_source: bool,
    is_named: bool,
    is_advertised: bool,
    is_damaged: bool,
}

fn given() -> impl Strategy<Value = Given> {
    let name = (0..3_u8, 0..6_u8, 0..5_u8);
    (name, 0..7200_u64, any::<[bool; 4]>()).prop_map(|((namespace, name, content), age, flags)| {
        let [has_source, is_named, is_advertised, is_damaged] = flags;
        let key = key(&format!("ns-{namespace}"), &format!("name-{name}"), &content.to_string());
        Given { key, age, has_source, is_named, is_advertised, is_damaged }
    })
}

/// Fills both; a later line about the same source or archive adds to an earlier one.
fn build(all: &[Given]) -> (Shelf, World, Presence) {
    let (shelf, mut world, presence) = (Shelf::new(3), World::new(&["ns-0", "ns-1"]), Presence::default());
    for given in all {
        shelf.put(&given.key, Duration::from_secs(given.age));
        if given.has_source {
            world.sources.insert(given.key.source().clone());
        }
        if given.is_named {
            world.named.insert(given.key.clone());
        }
        if given.is_advertised && given.has_source && presence.advertised(given.key.source()).is_none() {
            presence.advertise(given.key.source(), Some(given.key.clone()));
        }
        if given.is_damaged {
            shelf.damage(&given.key);
        }
    }
    (shelf, world, presence)
}

const SETTINGS: CollectSettings =
    CollectSettings { interval: HOUR, stale_after: HOUR, verify_period: Duration::from_nanos(1), records: 2 };

proptest! {
    #[test]
    fn each_archive_has_its_moment_once_in_every_period(
        content in "[a-z]{1,8}",
        period in 1_u64..100_000,
        start in 1_000_000_u64..2_000_000,
        mut cuts in proptest::collection::vec(0.0..1.0_f64, 0..20),
    ) {
        let (from, period) = (at(start), Duration::from_secs(period));
        cuts.push(0.0);
        cuts.push(1.0);
        cuts.sort_by(f64::total_cmp);
        let key = key("team-a", "config", &content);
        let windows = cuts.windows(2).map(|pair| Window {
            from: from + period.mul_f64(pair[0]),
            to: from + period.mul_f64(pair[1]),
            period,
        });
        prop_assert_eq!(windows.filter(|window| window.holds(&key)).count(), 1);
    }

    #[test]
    fn a_round_removes_all_orphans_and_nothing_else(all in proptest::collection::vec(given(), 0..40)) {
        let (shelf, world, presence) = build(&all);
        let world = world.over(&shelf, &presence);
        let before = shelf.stored();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut round = Round::new(SystemTime::now());
        let summary = runtime.block_on(round.run(&shelf, &presence, &world, &SETTINGS)).unwrap();
        let left = shelf.stored();
        for stored in &before {
            let key = &stored.key;
            let watched = &*key.source().namespace != "ns-2";
            let is_free = watched && !world.objects.named.contains(key)
                && presence.advertised(key.source()).as_ref() != Some(key);
            let is_old = stored.stored_at.elapsed().unwrap_or_default() >= HOUR;
            let is_orphan = is_free && is_old && !world.objects.sources.contains(key.source());
            let goes = is_orphan || (is_free && shelf.was_damaged(key));
            prop_assert_eq!(!left.contains(stored), goes, "{}", key);
            if shelf.was_damaged(key) && presence.advertised(key.source()).as_ref() == Some(key) {
                prop_assert!(world.rebuilt().contains(key), "{} is not rebuilt", key);
            }
        }
        prop_assert_eq!(summary.removed.removed, before.len() - left.len());
    }
}
