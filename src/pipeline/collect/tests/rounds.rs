//! Rounds that are interrupted, and what they go on with.

use super::shelf::{Shelf, World};
use super::*;
use crate::storage::Presence;

const SETTINGS: CollectSettings =
    CollectSettings { interval: HOUR, stale_after: HOUR, verify_period: Duration::ZERO, records: 2 };

/// Ten sources with an archive each, in pages of three.
fn orphans() -> (Shelf, Vec<ArtifactKey>) {
    let shelf = Shelf::new(3);
    let keys: Vec<_> = (0..10).map(|n| key("team-a", &format!("config-{n}"), "1")).collect();
    for key in &keys {
        shelf.put(key, HOUR * 2);
    }
    (shelf, keys)
}

#[tokio::test]
async fn a_round_that_cannot_list_goes_on_there_with_the_next_one() {
    let (shelf, keys) = orphans();
    let presence = Presence::default();
    let world = World::new(&["team-a"]).over(&shelf, &presence);
    shelf.fail_list(2);
    let mut round = Round::new(SystemTime::now());
    let failed = round.run(&shelf, &presence, &world, &SETTINGS).await;
    assert!(matches!(failed, Err(RoundError::List(_))), "{failed:?}");
    assert_eq!(shelf.stored().len(), 4);
    let summary = round.run(&shelf, &presence, &world, &SETTINGS).await.unwrap();
    assert_eq!((summary.archives, summary.removed.removed), (10, 10));
    let after = |n: usize| Some(keys[n].to_string());
    assert_eq!(shelf.listed(), [None, after(2), after(5), after(5), after(8)]);
    // The one after it begins anew.
    round.run(&shelf, &presence, &world, &SETTINGS).await.unwrap();
    assert_eq!(shelf.listed().last(), Some(&None));
}

#[tokio::test]
async fn nothing_is_removed_once_not_everything_is_known() {
    for known in 0..4 {
        let (shelf, _) = orphans();
        let presence = Presence::default();
        let world = World::new(&["team-a"]).over(&shelf, &presence);
        world.knows_for(Some(known));
        let mut round = Round::new(SystemTime::now());
        let stopped = round.run(&shelf, &presence, &world, &SETTINGS).await;
        assert!(matches!(stopped, Err(RoundError::Incomplete(_))), "{stopped:?}");
        // The first question is whether there is any use; a page of three takes two.
        assert_eq!(10 - shelf.stored().len(), [0, 0, 2, 3][known]);
        world.knows_for(None);
        let summary = round.run(&shelf, &presence, &world, &SETTINGS).await.unwrap();
        assert_eq!((summary.removed.removed, shelf.stored().len()), (10, 0));
    }
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_nothing_else_from_its_turn() {
    let shelf = Shelf::new(20);
    let keys: Vec<_> = (0..60).map(|n| key("team-a", &format!("config-{n:02}"), "1")).collect();
    for key in &keys {
        shelf.put(key, HOUR * 2);
    }
    for key in &keys[..30] {
        shelf.stick(key);
    }
    let presence = Presence::default();
    let world = World::new(&["team-a"]).over(&shelf, &presence);
    let mut round = Round::new(SystemTime::now());
    let failed = round.run(&shelf, &presence, &world, &SETTINGS).await;
    assert!(matches!(failed, Err(RoundError::Remove)), "{failed:?}");
    // It has given up the first page alone.
    assert_eq!(shelf.stored().len(), 30);
    assert!(shelf.stored().iter().all(|stored| keys[..30].contains(&stored.key)));
}

#[tokio::test]
async fn only_sources_with_more_revisions_than_they_keep_are_asked_to_look() {
    let shelf = Shelf::new(3);
    for (namespace, name, count) in [("team-a", "many", 5), ("team-a", "few", 2), ("team-b", "many", 5)] {
        for content in 0..count {
            shelf.put(&key(namespace, name, &content.to_string()), Duration::ZERO);
        }
    }
    let presence = Presence::default();
    let world = World::new(&["team-a"]).over(&shelf, &presence);
    let mut round = Round::new(SystemTime::now());
    round.run(&shelf, &presence, &world, &SETTINGS).await.unwrap();
    assert_eq!(world.retired(), [ObjectName::new("team-a", "many")]);
}

#[tokio::test]
async fn what_is_advertised_and_not_stored_is_rebuilt() {
    let (shelf, presence) = (Shelf::new(3), Presence::default());
    let lost = key("team-a", "lost", "1");
    presence.advertise(lost.source(), Some(lost.clone()));
    let world = World::new(&["team-a"]).over(&shelf, &presence);
    let settings = CollectSettings { verify_period: Duration::from_nanos(1), ..SETTINGS };
    let summary = Round::new(SystemTime::now()).run(&shelf, &presence, &world, &settings).await.unwrap();
    assert_eq!((world.rebuilt(), summary.unsound), (vec![lost], 1));
}

#[tokio::test]
async fn nothing_of_others_is_even_read() {
    let (shelf, presence) = (Shelf::new(3), Presence::default());
    let (ours, theirs) = (key("team-a", "config", "1"), key("team-b", "config", "1"));
    shelf.put(&ours, Duration::ZERO);
    shelf.put(&theirs, HOUR * 2);
    shelf.damage(&theirs);
    let world = World::new(&["team-a"]).over(&shelf, &presence);
    let settings = CollectSettings { verify_period: Duration::from_nanos(1), ..SETTINGS };
    Round::new(SystemTime::now()).run(&shelf, &presence, &world, &settings).await.unwrap();
    assert_eq!(shelf.verified(), [ours]);
    assert_eq!(shelf.stored().len(), 2);
}
