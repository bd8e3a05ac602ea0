//! What the collector finds: damage is mended before anything is withdrawn.

use super::*;
use crate::storage::Integrity;

fn unsound(world: &mut World, found: Integrity) -> &mut World {
    let key = world.machine.advertised_key().unwrap();
    world.step(Input::Unsound(key, found))
}

#[test]
fn damage_is_told_once_and_starts_a_run_that_changes_nothing_in_the_objects() {
    for found in [Integrity::Damaged, Integrity::Absent] {
        let mut world = settled();
        let (source, artifact) = (world.status().clone(), world.machine.artifact.clone());
        unsound(&mut world, found);
        assert_eq!(world.started(), [Job::Fetch]);
        assert_eq!(world.told(), [(EventType::Warning, "StorageOperationFailed")]);
        world.content(false, "a: 1", "\"e1\"").packaged("a: 1");
        assert_eq!(world.started(), [Job::Store]);
        world.stored();
        assert_eq!((world.started(), world.told()), (vec![], vec![]), "the same archive needs no write");
        assert_eq!((world.status(), &world.machine.artifact), (&source, &artifact));
    }
}

#[test]
fn what_is_found_during_a_run_is_looked_at_after_it() {
    let mut world = settled();
    world.fire(Timer::Wake);
    unsound(&mut world, Integrity::Damaged);
    assert_eq!((world.started(), world.told()), (vec![], vec![]));
    world.answer(true, Ok(Answer::NotModified));
    assert_eq!(world.started(), [Job::Fetch]);
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    assert_eq!(world.started(), [], "mended");
    world.fire(Timer::Wake);
    unsound(&mut world, Integrity::Damaged);
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    assert_eq!(world.started(), [], "the run under way has mended it");
}

#[test]
fn what_is_known_to_be_missing_is_asked_for_as_often_as_failures_allow() {
    let mut world = settled();
    unsound(&mut world, Integrity::Absent).answer(false, Err(failure(crate::failure::Class::TRANSIENT))).apply();
    unsound(&mut world, Integrity::Absent);
    assert_eq!((world.started(), world.told()), (vec![], vec![]));
    assert!(world.status().artifact.is_some(), "withdrawn at once");
}

#[test]
fn a_suspended_source_is_only_talked_about_until_it_is_resumed() {
    let mut world = settled();
    world.change(&json!({"spec": {"suspend": true}}));
    unsound(&mut world, Integrity::Damaged);
    assert_eq!((world.started(), world.told().len()), (vec![], 1));
    unsound(&mut world, Integrity::Damaged);
    assert_eq!((world.started(), world.told().len()), (vec![], 0));
    world.change(&json!({"spec": {"suspend": false}}));
    assert_eq!(world.started(), [Job::Fetch]);
}

#[test]
fn damage_of_what_is_not_advertised_is_nobodys_business() {
    let mut world = settled();
    let other = ArtifactKey::new(crate::api::ObjectName::new("team-a", "config"), Digest::of(b"other"));
    world.step(Input::Unsound(other, Integrity::Damaged));
    assert_eq!((world.started(), world.told()), (vec![], vec![]));
}

#[test]
fn too_many_revisions_are_looked_at_once_nothing_is_under_way() {
    let mut world = settled();
    assert_eq!(world.step(Input::TooMany).started(), [Job::Retire]);
    world.fire(Timer::Wake).step(Input::TooMany);
    assert_eq!(world.started(), []);
    assert!(world.delay(Timer::Retire).is_some());
}
