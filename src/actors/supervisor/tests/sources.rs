//! Sources that appear, go, and come back.

use std::time::Duration;

use crate::actors::testing::{World, named, observed, until};

#[tokio::test(start_paused = true)]
async fn a_source_that_appears_is_run_and_published() {
    let world = World::leading().await;
    world.catalog.create(&named("a"));
    world.ready(&named("a")).await;
    assert_eq!(world.origin.requests("a").len(), 1);
    assert_eq!(world.stored(&named("a")).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_deleted_is_stopped_and_leaves_nothing_stored() {
    let world = World::leading().await;
    let (gone, other) = (named("gone"), named("other"));
    world.catalog.create(&gone);
    world.catalog.create(&other);
    world.ready(&gone).await;
    world.ready(&other).await;
    world.catalog.delete(&gone);
    until("the source is stopped", || !world.is_run(&gone)).await;
    world.nothing_stored(&gone).await;
    assert!(world.context.presence.advertised(&gone).is_none());
    // Nothing of it is left that could ask again: the other one asks twice meanwhile.
    until("the other one runs on", || world.origin.requests("other").len() == 3).await;
    assert_eq!(world.origin.requests("gone").len(), 1);
    assert_eq!(world.stored(&other).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_predecessor_is_no_end_of_its_successor() {
    let world = World::leading().await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    let uid = world.catalog.vanish(&name);
    world.catalog.create(&name);
    world.ready(&name).await;
    world.catalog.tell(crate::catalog::Change::SourceGone { name: name.clone(), uid });
    world.catalog.create(&named("later"));
    world.ready(&named("later")).await;
    assert!(world.is_run(&name));
    assert_eq!(world.stored(&name).await.len(), 1);
}

/// The same content has the same storage key, so the clean-up after the one must not hit the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_successor_stores_survives_the_clean_up_after_its_predecessor() {
    let world = World::leading().await;
    let name = named("a");
    world.catalog.create(&name);
    for round in 0..200 {
        // Whatever the predecessor is doing.
        if round % 3 == 0 {
            world.ready(&name).await;
        }
        wait_a_little(round).await;
        if round % 2 == 0 {
            world.catalog.delete(&name);
            world.catalog.create(&name);
        } else {
            // As a watch tells it that missed the deletion.
            world.catalog.vanish(&name);
            let source = world.catalog.put(&name);
            world.catalog.tell(observed(source));
        }
        if round % 3 == 1 {
            world.ready(&name).await;
            world.storage_is_quiet().await;
            assert_eq!(world.stored(&name).await.len(), 1, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_source_does_when_it_is_deleted_it_leaves_nothing_stored() {
    let world = World::leading().await;
    let names: Vec<_> = (0..200).map(|n| named(&format!("source-{n}"))).collect();
    for (n, name) in names.iter().enumerate() {
        world.catalog.create(name);
        wait_a_little(n).await;
        world.catalog.delete(name);
    }
    for name in &names {
        until("the source is stopped", || !world.is_run(name)).await;
        world.nothing_stored(name).await;
    }
}

/// Up to two milliseconds, which is as long as a run takes here.
async fn wait_a_little(round: usize) {
    tokio::time::sleep(Duration::from_micros(round as u64 * 137 % 2000)).await;
}
