//! Every class of failure, and what becomes of the advertised artifact meanwhile.

use super::*;
use crate::api::conditions::reasons;
use crate::catalog::CatalogError;
use crate::failure::Class;

#[test]
fn the_class_decides_the_retry_and_the_artifact_stays() {
    let asked_for = Class::Transient { retry_after: Some(Duration::from_secs(42)) };
    let table = [
        (Class::TRANSIENT, Some(0..=2), Some(reasons::PROGRESSING_WITH_RETRY), None),
        (asked_for, Some(42..=42), Some(reasons::PROGRESSING_WITH_RETRY), None),
        (Class::Waiting, Some(0..=2), Some(reasons::PROGRESSING_WITH_RETRY), None),
        (Class::Refused, Some(570..=630), Some(reasons::PROGRESSING_WITH_RETRY), None),
        (Class::NotAllowed, Some(570..=630), None, Some(reasons::FETCH_FAILED)),
        (Class::Configuration, None, None, Some(reasons::FETCH_FAILED)),
    ];
    for (class, delay, reconciling, stalled) in table {
        let mut world = settled();
        let artifact = world.status().artifact.clone();
        world.fire(Timer::Wake).answer(true, Err(failure(class))).apply();
        assert_eq!(world.condition(types::READY).unwrap(), ("False".to_owned(), "FetchFailed".to_owned()));
        assert_eq!(world.condition(types::RECONCILING).map(|(_, reason)| reason).as_deref(), reconciling);
        assert_eq!(world.condition(types::STALLED).map(|(_, reason)| reason).as_deref(), stalled);
        assert_eq!(world.status().artifact, artifact);
        assert!(world.machine.artifact.as_ref().unwrap().status.as_ref().unwrap().artifact.is_some());
        assert_eq!(world.told(), [(EventType::Warning, "FetchFailed")]);
        let wake = world.delay(Timer::Wake).map(|delay| delay.as_secs());
        assert_eq!(wake.is_some(), delay.is_some(), "{class:?}");
        assert!(wake.zip(delay).is_none_or(|(wake, range)| range.contains(&wake)), "{class:?} {wake:?}");
    }
}

#[test]
fn what_the_administrator_allows_at_last_needs_no_edit() {
    let mut world = settled();
    world.fire(Timer::Wake).answer(true, Err(failure(Class::NotAllowed))).apply();
    for _ in 0..3 {
        world.fire(Timer::Wake).answer(true, Err(failure(Class::NotAllowed)));
        assert_eq!((world.started(), world.told()), (vec![], vec![]), "it is said once");
        assert!((570..=630).contains(&world.delay(Timer::Wake).unwrap().as_secs()));
    }
    world.fire(Timer::Wake).answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!((world.condition(types::READY), world.condition(types::STALLED)), (Some(ready()), None));
}

#[test]
fn a_repeated_failure_is_written_and_told_once() {
    let mut world = settled();
    world.fire(Timer::Wake).answer(true, Err(failure(Class::TRANSIENT))).apply();
    for _ in 0..3 {
        world.fire(Timer::Wake).answer(true, Err(failure(Class::TRANSIENT)));
        assert_eq!((world.started(), world.told()), (vec![], vec![]));
    }
    world.fire(Timer::Wake).answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.told(), [(EventType::Normal, "Succeeded")]);
    assert_eq!(world.condition(types::READY), Some(ready()));
}

#[test]
fn backoff_grows_and_ends_with_the_interval() {
    let mut world = settled();
    world.fire(Timer::Wake);
    let mut delays = Vec::new();
    for _ in 0..12 {
        world.answer(true, Err(failure(Class::TRANSIENT)));
        if world.started() == [Job::Publish] {
            world.apply();
        }
        delays.push(world.delay(Timer::Wake).unwrap().as_secs_f64());
        world.fire(Timer::Wake);
    }
    for (n, delay) in delays.iter().enumerate().take(10) {
        let expected = f64::from((1 << n).min(300));
        assert!((0.75 * expected..=1.25 * expected).contains(delay), "{n}: {delay}");
    }
    assert!(delays[10..].iter().all(|delay| (570.0..=630.0).contains(delay)), "{delays:?}");
}

#[test]
fn a_source_that_never_was_ready_gets_no_artifact_object() {
    let mut world = World::new(source(&json!({})));
    world.answer(false, Err(failure(Class::Refused)));
    assert_eq!(world.publication().advertise, Advertise::Nothing);
}

#[test]
fn an_unusable_interval_stalls_and_names_the_field() {
    for interval in ["", "soon", "1h-5m", "999999999999999999999h"] {
        let mut world = World::new(source(&json!({"spec": {"interval": interval}})));
        assert_eq!(world.started(), [Job::Publish]);
        world.apply();
        assert!(world.condition(types::STALLED).is_some());
        let message = &conditions::find(&world.status().conditions, types::READY).unwrap().message;
        assert!(message.contains("spec.interval"), "{message}");
        assert_eq!(
            world.change(&json!({"metadata": {"generation": 2}, "spec": {"interval": "1h"}})).started(),
            [Job::Fetch]
        );
    }
}

#[test]
fn a_short_interval_is_raised_and_said_so() {
    let mut world = World::new(source(&json!({"spec": {"interval": "1s"}})));
    world.run("a: 1");
    assert!(world.status().conditions[0].message.contains("interval 1s is raised to 60s"));
    assert_eq!(world.told(), [(EventType::Normal, "NewArtifact"), (EventType::Normal, "IntervalRaised")]);
    assert!(world.delay(Timer::Wake).unwrap() >= Duration::from_secs(57));
    assert_eq!(world.fire(Timer::Wake).answer(true, Ok(Answer::NotModified)).told(), []);
}

#[test]
fn an_unreadable_object_stalls_until_it_is_mended() {
    let mut observed = source(&json!({}));
    observed.invalid = Some("spec.interval: expected a string".to_owned());
    let mut world = World::new(observed);
    world.apply();
    assert_eq!(world.condition(types::STALLED).unwrap().1, "InvalidObject");
    assert_eq!(world.change(&json!({"metadata": {"generation": 2}})).started(), [Job::Fetch]);
}

#[test]
fn a_failed_write_is_tried_again_without_fetching_again() {
    let mut world = World::new(source(&json!({})));
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    for _ in 0..3 {
        let error = CatalogError::Unavailable { action: "apply", message: "gone fishing".to_owned() };
        world.end(StageEnd::Published(Err(error)));
        assert!(world.delay(Timer::Publish).is_some());
        assert_eq!(world.fire(Timer::Publish).started(), [Job::Publish]);
    }
    world.apply();
    assert_eq!(world.condition(types::READY), Some(ready()));
}

#[test]
fn an_advertisement_that_is_refused_is_said_in_the_source() {
    let mut world = World::new(source(&json!({})));
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    let error = CatalogError::Refused { action: "apply ExternalArtifact", message: "forbidden".to_owned() };
    world.end(StageEnd::Published(Err(error)));
    assert_eq!(world.publication().advertise, Advertise::Nothing);
    world.apply();
    assert_eq!(world.condition(types::READY).unwrap(), ("False".to_owned(), "PublishFailed".to_owned()));
    assert_eq!(world.fire(Timer::Wake).started(), [Job::Fetch]);
}

#[test]
fn a_lost_stage_is_a_transient_failure() {
    for stage in [Job::Fetch, Job::Package, Job::Store] {
        let mut world = settled();
        world.fire(Timer::Wake);
        world.end(StageEnd::Lost(stage)).apply();
        assert!(world.delay(Timer::Wake).unwrap() < Duration::from_secs(2), "{stage:?}");
    }
}

#[test]
fn missing_bytes_are_rebuilt_with_the_advertisement_left_alone() {
    let mut world = restarted(&settled());
    assert_eq!(world.started(), [Job::Verify]);
    assert!(world.end(StageEnd::Verified(Ok(None))).started().contains(&Job::Fetch));
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    assert_eq!(world.started(), [], "the same bytes at the same address: nothing to write");
    assert_eq!(world.condition(types::READY), Some(ready()));
}

#[test]
fn the_advertisement_is_taken_back_when_the_rebuild_has_failed_for_a_minute() {
    let mut world = restarted(&settled());
    world.end(StageEnd::Verified(Ok(None)));
    assert_eq!(world.delay(Timer::Withdraw), Some(WITHDRAW_AFTER));
    world.answer(false, Err(failure(Class::Refused))).apply();
    assert!(world.status().artifact.is_some());
    world.elapsed += WITHDRAW_AFTER;
    world.step(Input::Fired(Timer::Withdraw));
    assert_eq!(world.started(), [Job::Publish]);
    world.apply();
    assert!(world.status().artifact.is_none());
    assert!(world.machine.artifact.as_ref().unwrap().status.as_ref().unwrap().artifact.is_none());
    assert_eq!(world.told(), [(EventType::Warning, "ArtifactWithdrawn")]);
    world.step(Input::Fired(Timer::Wake)).run("a: 1");
    assert!(world.status().artifact.is_some());
}

#[test]
fn bytes_that_come_back_in_time_are_never_withdrawn() {
    let mut world = restarted(&settled());
    world.end(StageEnd::Verified(Ok(None)));
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    world.elapsed += WITHDRAW_AFTER;
    assert!(world.step(Input::Fired(Timer::Withdraw)).effects.is_empty());
}

#[test]
fn an_edit_does_not_wait_for_a_write_that_waits_for_its_next_try() {
    let mut world = World::new(source(&json!({})));
    world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
    let edit = json!({"metadata": {"generation": 2}, "spec": {"interval": "5m"}});
    let changed = world.changed(&edit);
    assert!(world.step(Input::Observed(changed)).effects.is_empty(), "the write under way is awaited");
    let error = CatalogError::Unavailable { action: "apply", message: "gone fishing".to_owned() };
    world.end(StageEnd::Published(Err(error)));
    let changed = world.changed(&json!({"metadata": {"generation": 3}}));
    assert_eq!(world.step(Input::Observed(changed)).started(), [Job::Fetch]);
}

#[test]
fn a_withdrawal_that_fell_due_during_a_write_is_made_up_for() {
    let mut world = restarted(&settled());
    world.end(StageEnd::Verified(Ok(None)));
    world.answer(false, Err(failure(Class::Refused)));
    world.elapsed += WITHDRAW_AFTER;
    assert!(world.step(Input::Fired(Timer::Withdraw)).effects.is_empty(), "while the failure is being written");
    let publication = {
        world.effects = Vec::new();
        let Phase::Publishing(settlement) = &world.machine.phase else { panic!("a failure is being written") };
        world.machine.publication(&settlement.report, world.now())
    };
    let mut object = publication.source.as_ref().clone();
    object.status = Some(publication.status);
    world.end(StageEnd::Published(Ok(Published { artifact: None, source: Some(Arc::new(object)) })));
    assert_eq!(world.started(), [Job::Publish]);
    assert!(world.publication().status.artifact.is_none());
}
