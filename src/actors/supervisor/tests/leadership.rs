//! Leadership that comes and goes.

use crate::actors::testing::{World, named, until};
use crate::digest::Digest;
use crate::storage::{Absence, ArtifactKey};

#[tokio::test(start_paused = true)]
async fn a_replica_that_stands_by_watches_nothing_but_lives() {
    let world = World::start().await;
    assert!(world.system.handle().is_alive().await);
    assert_eq!((world.catalog.watches(), world.synced()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn lost_leadership_stops_all_sources_and_keeps_what_is_stored() {
    let world = World::leading().await;
    let (a, b) = (named("a"), named("b"));
    for name in [&a, &b] {
        world.catalog.create(name);
        world.ready(name).await;
    }
    world.system.handle().lead(false);
    until("the sources are stopped", || world.context.activities.all().is_empty()).await;
    until("the watch is closed", || world.catalog.open().is_empty()).await;
    let unknown = ArtifactKey::new(crate::api::ObjectName::new("team-a", "a"), Digest::of(b"never stored"));
    assert_eq!(world.context.presence.absence(&unknown), Absence::Unknown);
    assert!(world.context.presence.advertised(&a).is_none());
    let (_, applied) = world.catalog.writes();
    // Many intervals later.
    tokio::time::sleep(std::time::Duration::from_secs(7200)).await;
    assert!(world.system.handle().is_alive().await);
    assert_eq!((world.origin.requests("a").len(), world.catalog.writes().1), (1, applied));
    assert_eq!((world.stored(&a).await.len(), world.stored(&b).await.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn leadership_won_again_goes_on_with_what_is_stored() {
    let world = World::leading().await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    let (_, applied) = world.catalog.writes();
    for _ in 0..3 {
        world.system.handle().lead(false);
        world.lead().await;
        until("the source runs", || world.is_run(&name)).await;
    }
    world.catalog.create(&named("later"));
    world.ready(&named("later")).await;
    assert!(world.catalog.is_ready(&name));
    assert_eq!(world.origin.requests("a").len(), 1);
    assert_eq!(world.context.presence.advertised(&name), world.stored(&name).await.pop());
    // Three writes per new source: the artifact, its status and the source's.
    assert_eq!(world.catalog.writes().1, applied + 3);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_under_way_is_given_up_with_the_leadership() {
    let world = World::leading().await;
    world.origin.hold(true);
    world.catalog.create(&named("a"));
    until("the fetch", || world.origin.under_way() == 1).await;
    world.system.handle().lead(false);
    until("the fetch is given up", || world.origin.under_way() == 0).await;
    assert_eq!(world.catalog.writes(), (0, 0));
    world.origin.hold(false);
    world.lead().await;
    world.ready(&named("a")).await;
}
