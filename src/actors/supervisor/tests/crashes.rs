//! Sources and pools that crash.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::actors::fault::ANNOTATION;
use crate::actors::testing::{World, is_back, named, until};
use crate::api::ObjectName;

/// Makes the source's actor panic at this fault point.
fn crash(world: &World, source: &ObjectName, point: &str) {
    world.catalog.edit(source, "/metadata/annotations", json!({ANNOTATION: point}));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_crashes_is_restarted_with_growing_delays_and_troubles_no_other() {
    let world = World::leading().await;
    let (crashing, other) = (named("crashing"), named("other"));
    world.origin.is_useless("crashing"); // So that it asks only when it is started.
    world.catalog.create(&crashing);
    world.catalog.create(&other);
    world.ready(&other).await;
    until("its first run", || world.origin.requests("crashing").len() == 1).await;
    for (round, delay) in [1, 2, 4, 8, 16, 32, 60, 60, 60, 60].into_iter().enumerate() {
        let crashed = Instant::now();
        crash(&world, &crashing, &format!("source:{round}"));
        until("its restart", || world.origin.requests("crashing").len() == round + 2).await;
        let restarted = world.origin.requests("crashing")[round + 1];
        assert_eq!((restarted - crashed).as_secs(), delay);
    }
    // The delays add up to half of its interval.
    assert_eq!(world.origin.requests("other").len(), 1);
    until("the next run of the other", || world.origin.requests("other").len() == 2).await;
    assert!(world.system.handle().is_alive().await);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_started_counts_as_crashed() {
    let world = World::leading().await;
    let (source, other) = (named("a"), named("other"));
    world.catalog.put(&source);
    crash(&world, &source, "start:once");
    let told = Instant::now();
    world.catalog.create(&other);
    world.ready(&other).await;
    world.ready(&source).await;
    let started = world.origin.requests("a")[0];
    assert_eq!((started - told).as_secs(), 1);
    assert!((world.origin.requests("other")[0] - told).is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_deleted_while_its_restart_is_pending_stays_away() {
    let world = World::leading().await;
    let (source, other) = (named("a"), named("other"));
    world.catalog.create(&source);
    world.ready(&source).await;
    crash(&world, &source, "source:once");
    world.catalog.delete(&source);
    until("it is forgotten", || !world.is_run(&source)).await;
    world.catalog.create(&other);
    until("the second run of the other", || world.origin.requests("other").len() == 2).await;
    assert_eq!(world.origin.requests("a").len(), 1);
    assert!(!world.is_run(&source));
    assert!(world.stored(&source).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_a_source_is_down_is_done_after_its_restart() {
    let world = World::leading().await;
    let source = named("a");
    world.catalog.create(&source);
    world.ready(&source).await;
    crash(&world, &source, "source:once");
    world.origin.says("b", "b: 2");
    world.catalog.edit(&source, "/spec/generator/http", json!({"url": "b"}));
    world.catalog.edit(&source, "/metadata/generation", json!(2));
    until("the new run", || world.origin.requests("b").len() == 1).await;
    world.ready(&source).await;
    assert_eq!(world.origin.requests("a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_is_lost_and_done_again() {
    let world = World::leading().await;
    for point in ["fetch", "package", "store", "publish"] {
        let source = named(point);
        world.catalog.put(&source);
        crash(&world, &source, &format!("{point}:once"));
        world.ready(&source).await;
    }
    assert!(world.system.handle().is_alive().await);
}

#[tokio::test(start_paused = true)]
async fn work_of_a_pool_that_is_killed_is_done_again_once_the_pool_is_back() {
    let world = World::leading().await;
    let pools = world.context.pools.clone();
    for (n, pool) in pools.all().into_iter().enumerate() {
        let source = named(&format!("source-{n}"));
        world.origin.hold(pool.name() == "fetcher");
        world.catalog.hold_writes(pool.name() == "publisher");
        let (begun, applied) = world.catalog.writes();
        world.catalog.create(&source);
        match pool.name() {
            "fetcher" => until("the fetch", || world.origin.under_way() == 1).await,
            "publisher" => until("the write", || world.catalog.writes().0 > begun).await,
            _ => {}
        }
        pool.kill().await;
        assert_eq!(world.origin.under_way(), 0, "the fetch goes on without its pool");
        world.origin.hold(false);
        world.catalog.hold_writes(false);
        if pool.name() == "publisher" {
            assert_eq!(world.catalog.writes().1, applied, "the write goes on without its pool");
        }
        world.ready(&source).await;
    }
    assert!(world.system.handle().is_alive().await);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_dies_again_and_again_ends_the_tree() {
    let mut world = World::leading().await;
    let pools = world.context.pools.clone();
    let started = Instant::now();
    for _ in 0..9 {
        is_back(&pools.packager).await;
        pools.packager.kill().await;
    }
    assert_eq!(started.elapsed().as_secs(), 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60);
    tokio::time::timeout(Duration::from_secs(1), world.system.ended()).await.unwrap();
}
