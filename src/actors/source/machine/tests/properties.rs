//! Whatever happens in whatever order: no panic, one stage of a run at a time, and an end that waits for something.

use proptest::prelude::*;

use super::*;
use crate::catalog::CatalogError;
use crate::failure::Class;

/// Picks one of the things that can happen next.
fn happen(world: &mut World, pending: &mut Vec<(Attempt, Job)>, choice: u8) {
    let ended = (!pending.is_empty()).then(|| pending.remove(choice as usize % pending.len()));
    match (choice % 8, ended) {
        (0, kept) => {
            pending.extend(kept);
            world.change(&requested(&choice.to_string()));
        }
        (1, kept) => {
            pending.extend(kept);
            world.change(
                &json!({"metadata": {"generation": i64::from(choice)}, "spec": {"suspend": choice.is_multiple_of(3)}}),
            );
        }
        (2, kept) => {
            pending.extend(kept);
            world.step(Input::ArtifactObserved(None));
        }
        (3, kept) => {
            pending.extend(kept);
            let timers = [Timer::Wake, Timer::Progress, Timer::Withdraw, Timer::Repair, Timer::Retire, Timer::Publish];
            world.elapsed += Duration::from_secs(40);
            world.step(Input::Fired(timers[choice as usize % timers.len()]));
        }
        (way, Some((attempt, job))) => {
            world.step(Input::Ended(attempt, end_of(job, way)));
        }
        (_, None) => world.effects.clear(),
    }
    for effect in &world.effects {
        if let Effect::Start(attempt, work) = effect {
            pending.push((*attempt, work.job()));
        }
    }
}

fn end_of(job: Job, way: u8) -> StageEnd {
    let failed = failure(if way == 4 { Class::TRANSIENT } else { Class::Configuration });
    let refused = || CatalogError::Refused { action: "apply", message: "no".to_owned() };
    let archive = Archive { bytes: Spools::from_bytes("x"), revision: Revision(Digest::of(b"y")), manifests: 0 };
    match (job, way) {
        (_, 5) => StageEnd::Lost(job),
        (Job::Verify, _) => StageEnd::Verified(Ok((way == 6).then(|| "http://here".to_owned()))),
        (Job::Fetch, 6 | 7) => {
            let content =
                Content { body: Spools::from_bytes("x"), validators: Validators::default(), content_type: None };
            let answer = if way == 6 { Answer::NotModified } else { Answer::Content(content) };
            let answered =
                Answered { answer, fingerprint: String::new(), origin: String::new(), file_name: "data".to_owned() };
            StageEnd::Fetched(Fetched { stored: Some(way == 6), result: Ok(answered) })
        }
        (Job::Fetch, _) => StageEnd::Fetched(Fetched { stored: Some(false), result: Err(failed) }),
        (Job::Package, 6) => StageEnd::Packaged(Ok(Packaged::Unchanged)),
        (Job::Package, 7) => StageEnd::Packaged(Ok(Packaged::Archive(archive))),
        (Job::Package, _) => StageEnd::Packaged(Err(failed)),
        (Job::Store, 6 | 7) => StageEnd::Stored(Ok("http://here".to_owned())),
        (Job::Store, _) => StageEnd::Stored(Err(failed)),
        (Job::Publish, 4) => StageEnd::Published(Err(refused())),
        (Job::Publish, _) => StageEnd::Published(Ok(Published::default())),
        (Job::Progress, _) => StageEnd::Progressed(Ok(Published::default())),
        (Job::Retire, _) => StageEnd::Retired(Ok((Retired::default(), None))),
        (Job::RemoveFinalizer, _) => StageEnd::FinalizerRemoved(Ok(())),
    }
}

proptest! {
    #[test]
    fn one_stage_at_a_time_whatever_happens(choices in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut world = World::new(source(&json!({})));
        let mut pending: Vec<_> = vec![(world.machine.attempt, Job::Fetch)];
        for choice in choices {
            happen(&mut world, &mut pending, choice);
            let current = world.machine.attempt;
            let stages = [Job::Verify, Job::Fetch, Job::Package, Job::Store, Job::Publish];
            let under_way = pending.iter().filter(|(attempt, job)| *attempt == current && stages.contains(job)).count();
            prop_assert!(under_way <= 1, "{pending:?}");
            let waits = under_way == 1
                || matches!(world.machine.phase, Phase::Idle | Phase::Publishing(_));
            prop_assert!(waits, "a run that waits for nothing");
        }
    }
}
