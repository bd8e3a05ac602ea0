//! The end of the work: what is given up, what is finished, and that nothing comes after.

use std::time::Duration;

use tokio::time::Instant;

use crate::actors::testing::{World, named, until};

const GRACE: Duration = Duration::from_secs(20);

/// Longer than any interval, delay or deadline.
async fn much_later() {
    tokio::time::sleep(Duration::from_secs(7200)).await;
}

/// A source whose writes are held, and another one whose fetch is.
async fn busy() -> World {
    let world = World::leading().await;
    world.catalog.hold_writes(true);
    world.catalog.create(&named("writing"));
    until("a write", || world.catalog.writes() == (1, 0)).await;
    world.origin.hold(true);
    world.catalog.create(&named("fetching"));
    until("a fetch", || world.origin.under_way() == 1).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_fetch_is_given_up_at_once_and_a_write_under_way_is_finished() {
    let world = busy().await;
    let started = Instant::now();
    let stopped = world.system.stop_work(started + GRACE);
    let given_up = async {
        until("the watch is closed", || world.catalog.open().is_empty()).await;
        until("the fetch is given up", || world.origin.under_way() == 0).await;
        assert!(started.elapsed() < GRACE / 2);
        assert_eq!(world.catalog.writes(), (1, 0));
        world.catalog.hold_writes(false);
    };
    tokio::join!(stopped, given_up);
    assert!(started.elapsed() < GRACE / 2);
    // All that belongs to the publication.
    assert!(world.catalog.is_ready(&named("writing")));
    let writes = world.catalog.writes();
    much_later().await;
    assert_eq!(world.catalog.writes(), writes);
    assert_eq!(world.origin.requests("writing").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_is_cut_off_at_the_deadline() {
    let world = busy().await;
    let started = Instant::now();
    world.system.stop_work(started + GRACE).await;
    assert_eq!(started.elapsed().as_secs(), GRACE.as_secs());
    world.catalog.hold_writes(false);
    world.origin.hold(false);
    much_later().await;
    assert_eq!(world.catalog.writes(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_work_stopped_starts_nothing() {
    let world = World::leading().await;
    let source = named("a");
    world.catalog.create(&source);
    world.ready(&source).await;
    let stopped = world.system.stop_work(Instant::now() + GRACE);
    // The supervisor is told to stop first and has these behind it in its mailbox.
    let late = async {
        world.catalog.create(&named("late"));
        world.system.handle().lead(false);
        world.system.handle().lead(true);
    };
    tokio::join!(stopped, late);
    let (writes, events, watches) = (world.catalog.writes(), world.catalog.events(), world.catalog.watches());
    much_later().await;
    assert_eq!((world.catalog.writes(), world.catalog.events()), (writes, events));
    assert_eq!((world.catalog.watches(), world.origin.requests("late").len()), (watches, 0));
    assert!(!world.is_run(&named("late")));
    // What it serves until the end of the downloads is what it advertised.
    assert_eq!(world.context.presence.advertised(&source), world.stored(&source).await.pop());
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_the_work_stops_is_not_mended() {
    let world = busy().await;
    world.context.pools.packager.kill().await;
    let started = Instant::now();
    world.system.stop_work(started + GRACE).await;
    let watches = world.catalog.watches();
    world.catalog.hold_writes(false);
    much_later().await;
    assert!(!world.context.pools.packager.is_alive(GRACE).await);
    assert_eq!((world.catalog.watches(), world.catalog.writes()), (watches, (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_tree_ends_with_its_serving() {
    let world = World::leading().await;
    let handle = world.system.handle();
    let deadline = Instant::now() + GRACE;
    world.system.stop_work(deadline).await;
    world.system.stop_serving(deadline).await;
    assert!(!handle.is_alive().await);
    assert!(Instant::now() < deadline);
}
