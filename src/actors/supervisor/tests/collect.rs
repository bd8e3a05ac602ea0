//! The garbage collector over the whole tree: what it removes, and above all what it does not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::actors::testing::{FakeStorage, World, named, until};
use crate::api::{ExternalArtifact, ObjectName};
use crate::catalog::Change;
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

/// An ExternalArtifact that nobody made for us.
fn naming(name: &ObjectName, status: &Value) -> ExternalArtifact {
    let metadata = json!({"namespace": *name.namespace, "name": *name.name, "uid": "u", "resourceVersion": "1"});
    serde_json::from_value(json!({"metadata": metadata, "spec": {}, "status": status})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_an_external_artifact_names_stays_with_or_without_a_source() {
    let storage = storage();
    let (a, b, c) = (named("a"), named("b"), named("c"));
    let (by_path, old) = (store(&storage, &a, "1").await, store(&storage, &a, "2").await);
    let by_url = store(&storage, &b, "3").await;
    let unreadable = store(&storage, &c, "4").await;
    let world = World::collecting(&storage, INTERVAL).await;
    world.catalog.put_artifact(naming(&a, &json!({"artifact": {"path": by_path.to_string()}})));
    let elsewhere = ObjectName::new("team-b", "copy");
    world.catalog.put_artifact(naming(&elsewhere, &json!({"artifact": {"url": format!("http://there/{by_url}")}})));
    world.catalog.put_artifact(naming(&c, &json!({})));
    until("the old one is removed", || storage.deleted() == [old.clone()]).await;
    rounds(&world).await;
    for key in [&by_path, &by_url, &unreadable] {
        assert!(is_stored(&storage, key).await, "{key}");
    }
    // With the last one that names them they go: at once, or with the next round.
    let listed = storage.listed();
    world.catalog.tell(Change::ArtifactGone(a));
    until("it is removed", || storage.deleted().contains(&by_path)).await;
    assert_eq!(storage.listed(), listed, "it took a round");
    world.catalog.tell(Change::ArtifactGone(elsewhere));
    world.catalog.tell(Change::ArtifactGone(c));
    until("all are removed", || storage.deleted().len() == 4).await;
}

#[tokio::test(start_paused = true)]
async fn the_clean_up_after_a_deletion_spares_what_is_still_named() {
    let world = World::leading().await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    let advertised = world.stored(&name).await.pop().unwrap();
    let old = store(&world.storage, &name, "old").await;
    // As a label does that the watch does not select, or a deletion that orphans.
    let uid = world.catalog.vanish(&name);
    world.catalog.tell(Change::SourceGone { name: name.clone(), uid });
    until("the old one is removed", || world.storage.deleted() == [old.clone()]).await;
    world.storage_is_quiet().await;
    assert!(is_stored(&world.storage, &advertised).await);
    world.catalog.tell(Change::ArtifactGone(name.clone()));
    world.nothing_stored(&name).await;
}

/// One storage, two controllers, a namespace for each.
#[tokio::test(start_paused = true)]
async fn two_installations_never_touch_each_others_archives() {
    let storage = storage();
    let mut worlds = Vec::new();
    for team in ["team-a", "team-b"] {
        let (orphan, damaged) = (ObjectName::new(team, "orphan"), ObjectName::new(team, "living"));
        store(&storage, &orphan, "1").await;
        storage.damage(&store(&storage, &damaged, "old").await);
        let world = World::collecting(&storage, INTERVAL).await;
        world.catalog.watch_only(team);
        world.catalog.create(&damaged);
        world.ready(&damaged).await;
        let others = storage.deleted().iter().filter(|key| *key.source().namespace != *team).count();
        let listed = storage.listed();
        until("its own are removed", || storage.deleted().len() == others + 2).await;
        until("more rounds", || storage.listed() >= listed + 4).await;
        let deleted = storage.deleted();
        let gone: Vec<_> = deleted[others..].iter().map(|key| &*key.source().namespace).collect();
        assert_eq!(gone, [team, team]);
        worlds.push((world, damaged));
    }
    for (world, living) in &worlds {
        assert_eq!(world.stored(living).await.len(), 1, "{living}");
    }
    assert_eq!(storage.deleted().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn damage_of_what_is_advertised_is_mended_and_nothing_is_withdrawn() {
    let storage = storage();
    // Far more often than the source runs, so that it is not a run that finds out.
    let world = World::collecting(&storage, INTERVAL / 10).await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    let key = world.stored(&name).await.pop().unwrap();
    until("it is told", || world.catalog.events() == 1).await;
    let writes = world.catalog.writes();
    for spoil in [false, true] {
        let stores = storage.stores();
        if spoil {
            storage.damage(&key);
        } else {
            storage.delete(&key).await.unwrap();
        }
        until("it is stored again", || storage.stores() > stores).await;
        assert!(is_stored(&storage, &key).await);
    }
    assert_eq!(world.catalog.writes(), writes, "the objects were touched");
    assert_eq!(world.catalog.events(), 3);
}

#[tokio::test(start_paused = true)]
async fn damage_of_an_old_revision_is_removed() {
    let storage = storage();
    let world = World::collecting(&storage, INTERVAL).await;
    let name = named("a");
    world.catalog.create(&name);
    world.ready(&name).await;
    let (sound, damaged) = (store(&storage, &name, "old").await, store(&storage, &name, "older").await);
    storage.damage(&damaged);
    until("it is removed", || storage.deleted() == [damaged.clone()]).await;
    rounds(&world).await;
    assert!(is_stored(&storage, &sound).await);
    assert_eq!(storage.deleted().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_and_keeps_nothing_else_from_its_turn() {
    let storage = storage();
    let stuck = store(&storage, &named("a"), "1").await;
    let other = store(&storage, &named("b"), "2").await;
    storage.is_stuck(&stuck);
    storage.fail_lists(3);
    let world = World::collecting(&storage, INTERVAL).await;
    until("the other one is removed", || storage.deleted() == [other.clone()]).await;
    assert_eq!(storage.listed(), 4);
    rounds(&world).await;
    storage.is_free(&stuck);
    until("it is removed too", || storage.deleted() == [other.clone(), stuck.clone()]).await;
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_crashes_is_restarted_and_never_ends_the_tree() {
    let storage = storage();
    let orphan = store(&storage, &named("a"), "1").await;
    storage.panic_in_lists(30);
    let world = World::collecting(&storage, Duration::from_secs(1)).await;
    let living = named("living");
    world.catalog.create(&living);
    world.ready(&living).await;
    until("it is removed", || storage.deleted() == [orphan.clone()]).await;
    assert!(storage.listed() > 30);
    assert!(world.system.handle().is_alive().await);
    assert_eq!(world.catalog.watches(), 1, "others were restarted");
}

#[tokio::test(start_paused = true)]
async fn with_the_leadership_goes_the_right_to_remove() {
    let storage = storage();
    for source in 0..9 {
        for content in ["1", "2", "3"] {
            store(&storage, &named(&format!("source-{source}")), content).await;
        }
    }
    storage.hold_deletes(true);
    let world = World::collecting(&storage, INTERVAL).await;
    // Half of the storage's workers.
    until("four removals are under way", || storage.deleting() == 4).await;
    world.system.handle().lead(false);
    until("it steps down", || world.catalog.open().is_empty()).await;
    storage.hold_deletes(false);
    world.storage_is_quiet().await;
    tokio::time::sleep(INTERVAL * 3).await;
    assert_eq!(storage.deleted().len(), 4, "what was under way is all that ends");
    world.lead().await;
    until("the rest is removed", || storage.deleted().len() == 27).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_appears_during_the_removal_of_its_archive_has_it_in_the_end() {
    let storage = storage();
    let name = named("a");
    let key = {
        let before = World::collecting(&storage, INTERVAL).await;
        before.catalog.create(&name);
        before.ready(&name).await;
        let stored = before.stored(&name).await;
        before.system.stop_work(tokio::time::Instant::now() + INTERVAL).await;
        stored[0].clone()
    };
    storage.hold_deletes(true);
    let world = World::collecting(&storage, INTERVAL).await;
    until("the removal is under way", || storage.deleting() == 1).await;
    world.catalog.create(&name);
    until("it is fetched", || world.origin.requests("a").len() == 1).await;
    storage.hold_deletes(false);
    world.ready(&name).await;
    assert_eq!(storage.deleted(), std::slice::from_ref(&key));
    assert!(is_stored(&storage, &key).await);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_published_is_made_to_look_at_what_is_stored_under_its_name() {
    let storage = storage();
    let (name, few) = (named("a"), named("few"));
    for content in ["1", "2", "3"] {
        store(&storage, &name, content).await;
    }
    store(&storage, &few, "1").await;
    let world = World::collecting(&storage, INTERVAL).await;
    for name in [&name, &few] {
        world.origin.is_useless(&name.name);
        world.catalog.create(name);
    }
    until("it looks", || storage.looked_at(&name) == 1).await;
    rounds(&world).await;
    assert_eq!(storage.looked_at(&few), 0);
}
