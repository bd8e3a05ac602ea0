//! Answers that come late, never, or with more than was asked for.

use super::*;
use crate::catalog::CatalogError;

#[test]
fn a_refused_advertisement_is_tried_again_ever_more_slowly() {
    let mut world = World::new(source(&json!({})));
    let mut delays = Vec::new();
    for round in 0..6 {
        world.content(false, "a: 1", "\"e1\"").packaged("a: 1").stored();
        let error = CatalogError::Refused { action: "apply ExternalArtifact", message: "forbidden".to_owned() };
        world.end(StageEnd::Published(Err(error)));
        if round == 0 {
            world.apply();
            assert_eq!(world.told(), [(EventType::Warning, "PublishFailed")]);
        } else {
            assert_eq!((world.started(), world.told()), (vec![], vec![]), "said once");
        }
        delays.push(world.delay(Timer::Wake).unwrap());
        world.fire(Timer::Wake);
    }
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
}

#[test]
fn a_spec_that_comes_with_the_answer_to_a_progress_report_gives_up_the_run() {
    let mut world = settled();
    world.fire(Timer::Wake);
    world.fire(Timer::Progress);
    let report = world.publication().clone();
    let mut edited = report.source.as_ref().clone();
    edited.status = Some(report.status);
    edited.metadata.resource_version = Some("300".to_owned());
    edited.metadata.generation = Some(2);
    edited.spec.destination_path = Some("new/path.yaml".to_owned());
    world.end(StageEnd::Progressed(Ok(Published { artifact: None, source: Some(Arc::new(edited)) })));
    assert_eq!(world.started(), [Job::Fetch]);
    assert_eq!(world.fetch().source.metadata.generation, Some(2));
}

#[test]
fn a_progress_report_whose_answer_was_lost_is_taken_back() {
    let mut world = settled();
    world.fire(Timer::Wake);
    world.fire(Timer::Progress);
    let report = world.publication().clone();
    let error = CatalogError::Unavailable { action: "apply", message: "no answer".to_owned() };
    world.end(StageEnd::Progressed(Err(error)));
    assert_eq!(world.answer(true, Ok(Answer::NotModified)).started(), []);
    let mut reported = report.source.as_ref().clone();
    reported.status = Some(report.status);
    reported.metadata.resource_version = Some("300".to_owned());
    world.version = 300;
    world.step(Input::Observed(ObservedSource { object: Arc::new(reported), invalid: None }));
    assert_eq!(world.started(), [Job::Publish]);
    world.apply();
    assert_eq!(world.status().conditions.len(), 1, "Ready alone");
}

#[test]
fn what_was_verified_counts_only_for_the_archive_that_is_advertised() {
    let mut world = restarted(&settled());
    let mut object = world.machine.source.as_ref().clone();
    object.metadata.resource_version = Some("500".to_owned());
    let artifact = object.status.as_mut().unwrap().artifact.as_mut().unwrap();
    let other = Digest::of(b"other");
    artifact.digest = other.prefixed();
    artifact.path = ArtifactKey::new(crate::api::ObjectName::new("team-a", "config"), other).to_string();
    artifact.url = "http://here/other".to_owned();
    artifact.last_update_time.0 += Duration::from_secs(1);
    world.step(Input::Observed(ObservedSource { object: Arc::new(object), invalid: None }));
    world.end(StageEnd::Verified(Ok(Some("http://there/artifact".to_owned()))));
    assert_eq!(world.started(), [Job::Fetch]);
}

#[test]
fn a_forced_run_that_is_given_up_for_an_edit_stays_forced() {
    let mut world = settled();
    world.change(&json!({"metadata": {"annotations": {REQUESTED_AT: "t1", FORCE_AT: "t1"}}}));
    assert!(world.fetch().force);
    world.change(&json!({"metadata": {"generation": 2}, "spec": {"interval": "5m"}}));
    assert!(world.fetch().force);
    world.content(true, "a: 1", "\"e1\"").packaged("a: 1").stored().apply();
    assert!(!world.fire(Timer::Wake).fetch().force);
}
