//! Drift, ownership, restarts and deletion.

use super::*;
use crate::api::LEGACY_FINALIZER;
use crate::api::MANAGED_BY_LABEL;

#[test]
fn a_restart_with_everything_in_place_asks_nobody() {
    let mut world = restarted(&settled());
    world.end(StageEnd::Verified(Ok(Some("http://here/artifact".to_owned()))));
    assert_eq!(world.started(), [Job::Retire]);
    assert!(world.delay(Timer::Wake).unwrap() <= Duration::from_secs(600));
}

#[test]
fn a_new_address_is_advertised_without_a_fetch() {
    let mut world = restarted(&settled());
    world.end(StageEnd::Verified(Ok(Some("http://there/artifact".to_owned()))));
    assert!(world.started().contains(&Job::Publish));
    world.apply();
    assert_eq!(world.status().artifact.as_ref().unwrap().url, "http://there/artifact");
    assert_eq!(world.told(), []);
}

/// A source after a crash between the write of its ExternalArtifact and that of its status.
fn half_published() -> World {
    let mut world = settled();
    let source = Arc::clone(&world.machine.source);
    world.fire(Timer::Wake).content(true, "a: 2", "\"e2\"").packaged("a: 2").stored().apply();
    world.machine.source = source;
    restarted(&world)
}

#[test]
fn what_was_advertised_before_a_crash_is_not_taken_back() {
    for stored in [Some("http://here/artifact".to_owned()), None] {
        let mut world = half_published();
        let advertised = world.machine.artifact.as_ref().unwrap().status.clone().unwrap();
        world.end(StageEnd::Verified(Ok(stored.clone())));
        assert_eq!(world.publication().artifact.as_ref().unwrap().status.as_ref(), Some(&advertised));
        world.apply();
        let artifact = world.status().artifact.clone().unwrap();
        assert_eq!(Some(&artifact.revision), advertised.artifact.as_ref().map(|artifact| &artifact.revision));
        assert_eq!(world.machine.artifact.as_ref().unwrap().status.as_ref(), Some(&advertised), "nothing is rewritten");
        assert_eq!(world.status().last_handled_etag, None, "it belongs to the content before");
        world.fire(Timer::Wake);
        assert_eq!(world.fetch().advertised.as_ref().unwrap().validators, Validators::default());
        world.answer(stored.is_some(), Err(failure(crate::failure::Class::Refused))).apply();
        assert_eq!(world.status().artifact, Some(artifact), "nor taken back by a failure");
    }
}

#[test]
fn an_older_artifact_is_drift_and_no_news() {
    let mut world = settled();
    let older = Arc::clone(world.machine.artifact.as_ref().unwrap());
    world.elapsed += Duration::from_secs(5);
    world.fire(Timer::Wake).content(true, "a: 2", "\"e2\"").packaged("a: 2").stored().apply();
    world.machine.artifact = Some(older);
    let mut world = restarted(&world);
    world.end(StageEnd::Verified(Ok(Some("http://here/artifact".to_owned()))));
    assert_eq!(world.delay(Timer::Repair), Some(Duration::ZERO));
}

#[test]
fn a_new_address_is_advertised_after_a_run_that_found_nothing_new_too() {
    let mut world = settled();
    world.fire(Timer::Wake).answer(true, Err(failure(crate::failure::Class::Refused))).apply();
    let mut world = restarted(&world);
    world.end(StageEnd::Verified(Ok(Some("http://there/artifact".to_owned()))));
    let answered = Answered {
        answer: Answer::NotModified,
        fingerprint: "f1".to_owned(),
        input: None,
        origin: "http://origin/config.yaml".to_owned(),
        file_name: "config.yaml".to_owned(),
    };
    let url = Some("http://there/artifact".to_owned());
    world.end(StageEnd::Fetched(Box::new(Fetched { stored: Some(true), url, result: Ok(answered) }))).apply();
    assert_eq!(world.status().artifact.as_ref().unwrap().url, "http://there/artifact");
}

#[test]
fn a_failure_before_the_restart_is_tried_at_once() {
    let mut world = settled();
    world.fire(Timer::Wake).answer(true, Err(failure(crate::failure::Class::Refused))).apply();
    let mut world = restarted(&world);
    world.end(StageEnd::Verified(Ok(Some("http://here/artifact".to_owned()))));
    assert!(world.started().contains(&Job::Fetch));
}

#[test]
fn a_run_that_was_cut_off_by_a_restart_is_made_again_and_its_progress_is_taken_back() {
    let mut world = settled();
    world.fire(Timer::Wake).fire(Timer::Progress).apply();
    let mut world = restarted(&world);
    world.end(StageEnd::Verified(Ok(Some("http://here/artifact".to_owned()))));
    assert!(world.started().contains(&Job::Fetch));
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!((world.condition(types::READY), world.condition(types::RECONCILING)), (Some(ready()), None));
}

#[test]
fn a_suspended_source_does_not_go_on_saying_that_a_run_is_under_way() {
    for has_artifact in [true, false] {
        let mut world = if has_artifact { settled() } else { World::new(source(&json!({}))) };
        world.fire(Timer::Wake).fire(Timer::Progress).apply();
        assert!(world.condition(types::RECONCILING).is_some());
        let suspended = world.changed(&json!({"spec": {"suspend": true}, "metadata": {"generation": 2}}));
        world.machine.source = suspended.object;
        let mut world = restarted(&world);
        if has_artifact {
            world.end(StageEnd::Verified(Ok(Some("http://here/artifact".to_owned()))));
        }
        world.apply();
        assert_eq!((world.condition(types::RECONCILING), world.condition(types::FETCHING)), (None, None));
        assert_eq!(world.started(), []);
    }
}

#[test]
fn a_deleted_artifact_object_comes_back_without_a_fetch() {
    let mut world = settled();
    world.step(Input::ArtifactObserved(None));
    assert_eq!(world.delay(Timer::Repair), Some(Duration::ZERO));
    assert_eq!(world.fire(Timer::Repair).started(), [Job::Publish]);
    world.apply();
    assert!(world.machine.artifact.is_some());
    assert_eq!(world.delay(Timer::Wake), None, "the interval goes on");
}

#[test]
fn an_edited_artifact_object_is_put_right_ever_more_slowly() {
    let mut world = settled();
    let mut delays = Vec::new();
    for _ in 0..4 {
        world.change_artifact(&json!({"metadata": {"labels": {MANAGED_BY_LABEL: "me"}}}));
        delays.push(world.delay(Timer::Repair).unwrap());
        assert_eq!(world.fire(Timer::Repair).started(), [Job::Publish]);
        let fixed = world.publication().clone();
        let repaired = external_artifact(&fixed.source, world.version + 1);
        world.end(StageEnd::Published(Ok(Published { artifact: Some(Arc::new(repaired)), source: None })));
    }
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
}

/// A repair under way, whose answer comes after the watch has told of what happened next.
fn overtaken(next: impl FnOnce(&mut World)) -> World {
    let mut world = settled();
    world.change_artifact(&json!({"metadata": {"labels": {MANAGED_BY_LABEL: "me"}}})).fire(Timer::Repair);
    let publication = world.publication().clone();
    let Advertise::Artifact { artifact, ready } = &publication.advertise else { panic!("nothing is advertised") };
    let mut repaired = external_artifact(&publication.source, world.version + 1);
    repaired.status = Some(artifact_status(&repaired, artifact.as_ref(), ready, world.now().wall));
    repaired.metadata.uid = world.machine.artifact.as_ref().and_then(|artifact| artifact.uid());
    world.version += 1;
    world.step(Input::ArtifactObserved(Some(Arc::new(repaired.clone()))));
    next(&mut world);
    world.end(StageEnd::Published(Ok(Published { artifact: Some(Arc::new(repaired)), source: None })));
    world
}

#[test]
fn what_happens_to_the_artifact_object_before_our_write_is_answered_is_not_forgotten() {
    let untouched = overtaken(|_| ());
    assert_eq!((untouched.delay(Timer::Repair), untouched.started()), (None, Vec::new()));
    let edited = overtaken(|world| {
        world.change_artifact(&json!({"metadata": {"labels": {MANAGED_BY_LABEL: "me again"}}}));
    });
    assert!(edited.delay(Timer::Repair).is_some());
    let deleted = overtaken(|world| {
        world.step(Input::ArtifactObserved(None));
    });
    assert!(deleted.delay(Timer::Repair).is_some());
    let requested = overtaken(|world| {
        world.change_artifact(&requested("token"));
    });
    assert_eq!(requested.started(), [Job::Fetch]);
}

#[test]
fn an_edit_while_the_artifact_object_is_being_written_is_put_right() {
    let mut world = settled();
    world.fire(Timer::Wake).content(true, "a: 2", "\"e2\"").packaged("a: 2").stored();
    let publishing = std::mem::take(&mut world.effects);
    world.version += 10;
    world.change_artifact(&json!({"metadata": {"labels": {MANAGED_BY_LABEL: "me"}}}));
    world.version -= 10;
    world.effects = publishing;
    world.apply();
    assert_eq!(world.delay(Timer::Repair), Some(Duration::ZERO), "the write's answer is older than the edit");
}

#[test]
fn an_artifact_object_of_somebody_else_stalls_until_it_is_gone() {
    let observed = source(&json!({}));
    let mut foreign = external_artifact(&observed.object, 5);
    foreign.spec.source_ref = Some(crate::api::SourceReference {
        kind: "JsonnetSnippet".to_owned(),
        name: "theirs".to_owned(),
        ..Default::default()
    });
    foreign.metadata.owner_references = None;
    let mut world = World::with_artifact(observed, Some(Arc::new(foreign)));
    assert_eq!(world.publication().advertise, Advertise::Nothing);
    world.apply();
    assert_eq!(world.condition(types::STALLED).unwrap().1, "OwnershipConflict");
    let message = &conditions::find(&world.status().conditions, types::READY).unwrap().message;
    assert!(message.contains("JsonnetSnippet theirs"), "{message}");
    assert_eq!(world.step(Input::ArtifactObserved(None)).started(), [Job::Fetch]);
}

#[test]
fn after_a_restore_the_artifact_object_of_another_uid_is_adopted() {
    let mut world = settled();
    world.change_artifact(&json!({"metadata": {"ownerReferences": [{"apiVersion": "source.flux.oddkin.co/v1alpha1",
        "kind": "ExternalSource", "name": "config", "uid": "before-the-restore", "controller": true}]}}));
    assert_eq!(world.fire(Timer::Repair).started(), [Job::Publish]);
}

#[test]
fn what_is_older_than_what_we_know_is_ignored() {
    let mut world = settled();
    let stale = source(&json!({"metadata": {"resourceVersion": "2"}}));
    assert!(world.step(Input::Observed(stale)).effects.is_empty());
    assert!(world.status().artifact.is_some());
}

#[test]
fn a_deleted_source_is_left_in_peace() {
    let mut world = settled();
    world.fire(Timer::Wake);
    world.change(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["someone/else"]}}));
    assert_eq!(world.started(), []);
    assert_eq!(world.step(Input::ArtifactObserved(None)).started(), []);
    assert_eq!(world.delay(Timer::Repair), None);
}

#[test]
fn the_legacy_finalizer_is_taken_off_wherever_it_is_met() {
    let mut world = settled();
    assert_eq!(
        world.change(&json!({"metadata": {"finalizers": [LEGACY_FINALIZER]}})).started(),
        [Job::RemoveFinalizer]
    );
    world.end(StageEnd::FinalizerRemoved(Err(crate::catalog::CatalogError::Gone)));
    assert_eq!(world.fire(Timer::Finalizer).started(), [Job::RemoveFinalizer]);
    let deleting = json!({"metadata": {"finalizers": [LEGACY_FINALIZER], "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(world.change(&deleting).started(), [Job::RemoveFinalizer]);
}

#[test]
fn an_artifact_object_of_somebody_else_that_goes_while_we_say_so_is_not_missed() {
    let observed = source(&json!({}));
    let mut foreign = external_artifact(&observed.object, 5);
    foreign.spec.source_ref =
        Some(crate::api::SourceReference { kind: "Other".to_owned(), name: "theirs".to_owned(), ..Default::default() });
    foreign.metadata.owner_references = None;
    let mut world = World::with_artifact(observed, Some(Arc::new(foreign)));
    let stalled = world.publication().clone();
    assert!(world.step(Input::ArtifactObserved(None)).effects.is_empty(), "while that is being written");
    let mut object = stalled.source.as_ref().clone();
    object.status = Some(stalled.status);
    world.end(StageEnd::Published(Ok(Published { artifact: None, source: Some(Arc::new(object)) })));
    assert_eq!(world.started(), [Job::Fetch]);
}
