//! Watches that end, and what a new one does not tell.

use std::time::Duration;

use tokio::time::Instant;

use crate::actors::testing::{World, named, observed, until};
use crate::api::ObjectName;
use crate::catalog::Change;
use crate::digest::Digest;
use crate::storage::{Absence, ArtifactKey};

/// A key that nobody ever advertised.
fn unknown(source: &ObjectName) -> ArtifactKey {
    ArtifactKey::new(source.clone(), Digest::of(b"never stored"))
}

/// Ends the newest watch and waits for the next one.
async fn reopen(world: &World) {
    let watches = world.catalog.watches();
    world.catalog.end_watch();
    until("the next watch", || world.catalog.watches() > watches).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_new_watch_no_longer_tells_is_gone_and_what_it_tells_stays() {
    let world = World::leading().await;
    let (gone, stays) = (named("gone"), named("stays"));
    for name in [&gone, &stays] {
        world.catalog.create(name);
        world.ready(name).await;
    }
    world.catalog.vanish(&gone);
    reopen(&world).await;
    assert!(world.is_run(&gone), "nobody knows yet");
    world.list().await;
    until("the source is stopped", || !world.is_run(&gone)).await;
    world.nothing_stored(&gone).await;
    assert_eq!(world.stored(&stays).await.len(), 1);
    // It went on as it was: it is asked again after its interval, not now.
    assert_eq!(world.origin.requests("stays").len(), 1);
    until("the next run", || world.origin.requests("stays").len() == 2).await;
    assert_eq!(world.origin.requests("gone").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_opened_again_with_growing_delays_and_loses_nothing() {
    let world = World::leading().await;
    let edited = named("edited");
    world.catalog.create(&edited);
    world.ready(&edited).await;
    for delay in [1, 2, 4] {
        let ended = Instant::now();
        world.catalog.end_watch();
        until("the watch is closed", || world.catalog.open().is_empty()).await;
        // Told to nobody: there is no watch.
        let missed = named(&format!("missed-{delay}"));
        world.catalog.put(&missed);
        until("the next watch", || world.catalog.open().len() == 1).await;
        assert_eq!(ended.elapsed().as_secs(), delay);
        world.list().await;
        world.ready(&missed).await;
    }
    assert_eq!(world.catalog.watches(), 4);
    assert_eq!(world.origin.requests("edited").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_artifact_that_a_new_watch_no_longer_tells_is_made_again() {
    let world = World::leading().await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    reopen(&world).await;
    world.catalog.lose_artifact(&name);
    world.list().await;
    world.ready(&name).await;
    assert_eq!(world.origin.requests("a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_due_while_another_watch_runs_opens_no_second_one() {
    let world = World::leading().await;
    world.catalog.create(&named("a"));
    world.ready(&named("a")).await;
    world.catalog.end_watch();
    until("the watch is closed", || world.catalog.open().is_empty()).await;
    // Its restart is pending for a second.
    world.system.handle().lead(false);
    world.system.handle().lead(true);
    until("a watch", || world.catalog.open() == [2]).await;
    world.list().await;
    // The restart is due long before the next run.
    until("the next run", || world.origin.requests("a").len() == 2).await;
    assert_eq!(world.catalog.open(), [2]);
    assert_eq!(world.catalog.watches(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_replaced_watch_still_says_does_not_count() {
    let world = World::leading().await;
    let (known, missed) = (named("known"), named("missed"));
    world.catalog.create(&known);
    world.ready(&known).await;
    assert_eq!(world.context.presence.absence(&unknown(&known)), Absence::Known);
    // In one go, so that it stands in the supervisor's mailbox behind the change of the watch.
    world.system.handle().lead(false);
    world.system.handle().lead(true);
    world.catalog.tell_in(1, Change::Synced);
    until("the next watch", || world.catalog.watches() == 2).await;
    let source = world.catalog.put(&missed);
    world.catalog.tell(observed(source));
    world.ready(&missed).await;
    assert_eq!(world.synced(), 1);
    assert_eq!(world.context.presence.absence(&unknown(&known)), Absence::Unknown);
    assert_eq!(world.stored(&known).await.len(), 1);
    assert_eq!(world.catalog.open(), [2]);
    world.list().await;
    assert_eq!(world.context.presence.absence(&unknown(&known)), Absence::Known);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_nine_times_in_a_row_ends_the_tree() {
    let mut world = World::start().await;
    world.catalog.break_watches();
    let started = Instant::now();
    world.system.handle().lead(true);
    tokio::time::timeout(Duration::from_secs(600), world.system.ended()).await.unwrap();
    assert_eq!(world.catalog.watches(), 9);
    assert_eq!(started.elapsed().as_secs(), 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60);
    assert!(!world.system.handle().is_alive().await);
}
