//! What starts a run, what it does, and what it costs.

use super::*;

#[test]
fn a_new_source_goes_through_all_stages_and_then_waits_for_its_interval() {
    let mut world = World::new(source(&json!({})));
    assert_eq!(world.started(), [Job::Fetch]);
    assert!(world.fetch().advertised.is_none());
    assert_eq!(world.content(false, "a: 1", "\"e1\"").started(), [Job::Package]);
    assert_eq!(world.packaged("a: 1").started(), [Job::Store]);
    assert_eq!(world.stored().started(), [Job::Publish]);
    let wanted = &world.publication().status;
    let artifact = wanted.artifact.as_ref().unwrap();
    assert_eq!(artifact.revision, format!("latest@sha256:{}", Digest::of(b"a: 1")));
    assert_eq!(artifact.digest, format!("sha256:{}", Digest::of(b"gz a: 1")));
    assert_eq!(artifact.path, format!("artifacts/team-a/config/{}.tar.gz", Digest::of(b"gz a: 1")));
    assert_eq!(artifact.metadata["org.opencontainers.image.revision"], "\"e1\"");
    assert_eq!((wanted.observed_generation, wanted.last_handled_etag.as_deref()), (Some(1), Some("\"e1\"")));
    world.apply();
    assert_eq!(world.condition(types::READY), Some(ready()));
    assert_eq!(world.status().conditions.len(), 1, "Ready alone");
    assert_eq!(world.told(), [(EventType::Normal, "NewArtifact")]);
    let interval = world.delay(Timer::Wake).unwrap().as_secs();
    assert!((570..=630).contains(&interval), "{interval}");
}

#[test]
fn an_unchanged_poll_writes_and_tells_nothing() {
    let mut world = settled();
    world.fire(Timer::Wake);
    let advertised = world.fetch().advertised.as_ref().unwrap();
    assert_eq!(advertised.validators.etag.as_deref(), Some("\"e1\""));
    assert_eq!((advertised.fingerprint.as_deref(), advertised.generation), (Some("f1"), Some(1)));
    world.answer(true, Ok(Answer::NotModified));
    assert_eq!((world.started(), world.told()), (vec![], vec![]));
    assert!(world.delay(Timer::Wake).is_some());
}

#[test]
fn validators_that_move_over_the_same_content_cost_no_write_and_are_used_next_time() {
    let mut world = settled();
    world.fire(Timer::Wake).content(true, "a: 1", "\"e2\"").end(StageEnd::Packaged(Ok(Packaged::Unchanged)));
    assert_eq!(world.started(), []);
    world.fire(Timer::Wake);
    assert_eq!(world.fetch().advertised.as_ref().unwrap().validators.etag.as_deref(), Some("\"e2\""));
}

#[test]
fn new_content_replaces_the_artifact_and_retires_the_old_one() {
    let mut world = settled();
    world.fire(Timer::Wake).content(true, "a: 2", "\"e2\"").packaged("a: 2").stored().apply();
    assert!(world.status().artifact.as_ref().unwrap().revision.ends_with(&Digest::of(b"a: 2").to_string()));
    assert_eq!(world.started(), [Job::Retire]);
    assert_eq!(world.told(), [(EventType::Normal, "NewArtifact")]);
}

#[test]
fn a_request_runs_at_once_and_is_repeated_in_the_status() {
    let mut world = settled();
    world.change(&requested("t1"));
    assert_eq!(world.started(), [Job::Fetch]);
    assert!(!world.fetch().force);
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.status().last_handled_reconcile_at.as_deref(), Some("t1"));
    assert_eq!(world.change(&requested("t1")).started(), [], "the same value counts once");
}

#[test]
fn a_forced_request_ignores_validators_only_with_the_same_value() {
    for (force, expected) in [("t1", true), ("t0", false)] {
        let mut world = settled();
        world.change(&json!({"metadata": {"annotations": {REQUESTED_AT: "t1", FORCE_AT: force}}}));
        assert_eq!(world.fetch().force, expected);
    }
}

#[test]
fn requests_on_both_objects_at_once_are_exactly_two_runs() {
    let mut world = settled();
    world.change(&requested("t1"));
    assert_eq!(world.started(), [Job::Fetch]);
    assert_eq!(world.change_artifact(&requested("t2")).started(), []);
    assert_eq!(world.answer(true, Ok(Answer::NotModified)).started(), [Job::Publish]);
    assert_eq!(world.apply().started(), [Job::Fetch], "the second request");
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.started(), []);
    let status = world.status();
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("t1"));
    assert_eq!(status.last_handled_artifact_reconcile_at.as_deref(), Some("t2"));
}

#[test]
fn a_request_during_a_run_starts_another_one() {
    let mut world = settled();
    world.change(&requested("t1"));
    assert_eq!(world.change(&requested("t2")).started(), [], "one at a time");
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.started(), [Job::Fetch]);
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.status().last_handled_reconcile_at.as_deref(), Some("t2"));
}

#[test]
fn a_new_spec_gives_up_the_run_and_its_late_answer() {
    let mut world = settled();
    world.fire(Timer::Wake);
    let outdated = world.machine.attempt;
    world.change(&json!({"metadata": {"generation": 2}, "spec": {"interval": "5m"}}));
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Cancel)));
    assert_eq!(world.started(), [Job::Fetch]);
    let late = Fetched { stored: Some(true), url: None, result: Err(failure(crate::failure::Class::TRANSIENT)) };
    assert!(world.step(Input::Ended(outdated, StageEnd::Fetched(Box::new(late)))).effects.is_empty());
    world.content(true, "a: 1", "\"e1\"").end(StageEnd::Packaged(Ok(Packaged::Unchanged))).apply();
    assert_eq!(world.status().observed_generation, Some(2));
    assert_eq!(world.status().artifact.as_ref().unwrap().observed_generation, Some(2));
}

#[test]
fn suspension_leaves_everything_as_it_is_and_ignores_requests() {
    let mut world = settled();
    let before = world.status().clone();
    world.fire(Timer::Wake);
    world.change(&json!({"metadata": {"generation": 2}, "spec": {"suspend": true}}));
    assert_eq!(world.started(), []);
    assert_eq!(world.change(&requested("t1")).started(), []);
    assert_eq!(world.fire(Timer::Wake).started(), []);
    assert_eq!(world.status(), &before);
    assert_eq!(world.machine.activity().state, State::Suspended);
    world.change(&json!({"metadata": {"generation": 3}, "spec": {"suspend": false}}));
    assert_eq!(world.started(), [Job::Fetch]);
    world.answer(true, Ok(Answer::NotModified)).apply();
    assert_eq!(world.status().last_handled_reconcile_at.as_deref(), Some("t1"), "one run handles both");
    assert_eq!(world.started(), []);
}

#[test]
fn a_quick_run_reports_no_progress_and_a_long_one_takes_its_report_back() {
    let mut world = settled();
    world.fire(Timer::Wake);
    assert_eq!(world.delay(Timer::Progress), Some(PROGRESS_AFTER));
    assert_eq!(world.step(Input::Fired(Timer::Progress)).started(), [Job::Progress]);
    world.apply();
    assert_eq!(world.condition(types::RECONCILING).unwrap().1, "Progressing");
    assert_eq!(world.condition(types::FETCHING).unwrap().0, "True");
    assert_eq!(world.condition(types::READY), Some(ready()), "Ready stays");
    assert_eq!(world.content(true, "a: 2", "\"e2\"").started(), [Job::Package, Job::Progress]);
    world.apply();
    assert!(world.condition(types::FETCHING).is_none() && world.condition(types::STORING).is_some());
    world.packaged("a: 2").stored().apply();
    assert_eq!(world.status().conditions.len(), 1, "Ready alone");
}

#[test]
fn a_result_waits_for_the_progress_report_before_it() {
    let mut world = settled();
    world.fire(Timer::Wake);
    world.step(Input::Fired(Timer::Progress));
    let report = world.publication().clone();
    assert_eq!(world.answer(true, Ok(Answer::NotModified)).started(), []);
    let mut source = report.source.as_ref().clone();
    source.status = Some(report.status);
    source.metadata.resource_version = Some("1000".to_owned());
    let published = Published { artifact: None, source: Some(Arc::new(source)) };
    assert_eq!(world.end(StageEnd::Progressed(Ok(published))).started(), [Job::Publish]);
    world.version = 1000;
    world.apply();
    assert_eq!(world.status().conditions.len(), 1);
}
