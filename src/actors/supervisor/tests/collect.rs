//! The garbage collector over the whole tree: what it removes, and above all what it does not.

use std::sync::Arc;
use std::time::Duration;

use crate::actors::testing::{FakeStorage, World, named, until};
use crate::api::ObjectName;
use crate::spool::Spools;
use crate::storage::{ArtifactKey, Presence, Storage as _};
use crate::telemetry::outages::Dependency;

const INTERVAL: Duration = Duration::from_secs(600);

fn storage() -> Arc<FakeStorage> {
    Arc::new(FakeStorage::new(&Arc::new(Presence::default())))
}

/// An archive of a source that need not exist.
async fn store(storage: &FakeStorage, source: &ObjectName, content: &'static str) -> ArtifactKey {
    let content = Spools::from_bytes(content);
    let key = ArtifactKey::new(source.clone(), content.digest());
    storage.store(&key, &content).await.unwrap();
    key
}

async fn is_stored(storage: &FakeStorage, key: &ArtifactKey) -> bool {
    storage.stat(key).await.unwrap().is_some()
}

/// Waits until two more rounds began, so that one of them was whole.
async fn rounds(world: &World) {
    let before = world.storage.listed();
    until("two rounds", || world.storage.listed() >= before + 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_sources_left_that_went_while_nobody_watched_is_removed() {
    let storage = storage();
    let orphans = [store(&storage, &named("a"), "1").await, store(&storage, &named("a"), "2").await];
    let world = World::collecting(&storage, INTERVAL).await;
    let living = named("living");
    world.catalog.create(&living);
    world.ready(&living).await;
    until("both are removed", || storage.deleted() == orphans).await;
    rounds(&world).await;
    assert_eq!(world.stored(&living).await.len(), 1);
    assert_eq!(storage.deleted().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_while_not_all_objects_are_known() {
    let storage = storage();
    let orphan = store(&storage, &named("a"), "1").await;
    let world = World::collecting(&storage, INTERVAL).await;
    world.context.outages.begin(Dependency::ApiServer, &"on purpose");
    tokio::time::sleep(INTERVAL * 3).await;
    assert!(is_stored(&storage, &orphan).await, "the API server is away");
    // A new watch that has not told everything yet.
    let watches = world.catalog.watches();
    world.catalog.end_watch();
    until("another watch", || world.catalog.watches() > watches).await;
    world.context.outages.over(Dependency::ApiServer);
    tokio::time::sleep(INTERVAL * 3).await;
    assert!(is_stored(&storage, &orphan).await, "the watch is not in sync");
    assert_eq!(storage.listed(), 0);
    world.list().await;
    until("it is removed", || storage.deleted() == [orphan.clone()]).await;
}
