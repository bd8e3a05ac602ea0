//! Whatever happens in whatever order: no panic, one stage of a run at a time, and an end that waits for something.

use proptest::prelude::*;

use super::*;
use crate::catalog::CatalogError;
use crate::failure::Class;
use crate::pipeline::hooks::Ran;
use crate::pipeline::prepare::{PrepareEnd, Prepared, Preparing};
use crate::pipeline::process::Processing;

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
            let timers = [
                Timer::Wake,
                Timer::Progress,
                Timer::Hook,
                Timer::Withdraw,
                Timer::Repair,
                Timer::Retire,
                Timer::Publish,
            ];
            world.elapsed += Duration::from_secs(40);
            world.step(Input::Fired(timers[choice as usize % timers.len()]));
        }
        (way, Some((attempt, job))) => {
            let end = end_of(world, job, way);
            world.step(Input::Ended(attempt, end));
        }
        (_, None) => world.effects.clear(),
    }
    for effect in &world.effects {
        if let Effect::Start(attempt, work) = effect {
            pending.push((*attempt, work.job()));
        }
    }
}

fn content() -> Content {
    Content { body: Spools::from_bytes("x"), validators: Validators::default(), content_type: None, head: None }
}

/// How a stage around the request ends.
fn end_of_hooks(world: &World, job: Job, way: u8, failed: Failure) -> StageEnd {
    let source = Arc::clone(&world.machine.source);
    let prepared = || Prepared { secrets: std::collections::BTreeMap::new(), output: Spools::from_bytes("") };
    match (job, way) {
        (Job::Prepare, 6) => {
            let rest = Box::new(Preparing::new(source, None));
            StageEnd::Prepared(PrepareEnd { stored: Some(true), result: Ok(Ran::Again(rest, failed)) })
        }
        (Job::Prepare, 7) => StageEnd::Prepared(PrepareEnd { stored: None, result: Ok(Ran::Done(prepared())) }),
        (Job::Prepare, _) => StageEnd::Prepared(PrepareEnd { stored: Some(false), result: Err(failed) }),
        (_, 6) => {
            let rest = Box::new(Processing::new(source, content(), "data".to_owned()));
            StageEnd::Processed(Ok(Ran::Again(rest, failed)))
        }
        (_, 7) => StageEnd::Processed(Ok(Ran::Done(content()))),
        _ => StageEnd::Processed(Err(failed)),
    }
}

fn end_of(world: &World, job: Job, way: u8) -> StageEnd {
    let failed = failure(if way == 4 { Class::TRANSIENT } else { Class::Configuration });
    let refused = || CatalogError::Refused { action: "apply", message: "no".to_owned() };
    let archive = Archive { bytes: Spools::from_bytes("x"), revision: Revision(Digest::of(b"y")), manifests: 0 };
    match (job, way) {
        (_, 5) => StageEnd::Lost(job),
        (Job::Verify, _) => StageEnd::Verified(Ok((way == 6).then(|| "http://here".to_owned()))),
        (Job::Prepare | Job::Process, _) => end_of_hooks(world, job, way, failed),
        (Job::Fetch, 6 | 7) => {
            let answer = if way == 6 { Answer::NotModified } else { Answer::Content(content()) };
            let answered = Answered {
                answer,
                fingerprint: String::new(),
                input: None,
                origin: String::new(),
                file_name: "data".to_owned(),
            };
            StageEnd::Fetched(Box::new(Fetched { stored: Some(way == 6), url: None, result: Ok(answered) }))
        }
        (Job::Fetch, _) => StageEnd::Fetched(Box::new(Fetched { stored: Some(false), url: None, result: Err(failed) })),
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
    fn one_stage_at_a_time_whatever_happens(
        has_hooks in any::<bool>(),
        choices in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut world = World::new(source(&if has_hooks { hooks::around(5) } else { json!({}) }));
        let first = if has_hooks { Job::Prepare } else { Job::Fetch };
        let mut pending: Vec<_> = vec![(world.machine.attempt, first)];
        for choice in choices {
            happen(&mut world, &mut pending, choice);
            let current = world.machine.attempt;
            let stages = [
                Job::Verify,
                Job::Prepare,
                Job::Fetch,
                Job::Process,
                Job::Package,
                Job::Store,
                Job::Publish,
            ];
            let under_way = pending.iter().filter(|(attempt, job)| *attempt == current && stages.contains(job)).count();
            prop_assert!(under_way <= 1, "{pending:?}");
            let waits = under_way == 1
                || match &world.machine.phase {
                    Phase::Idle | Phase::Publishing(_) => true,
                    Phase::Running(run) => run.again.is_some(),
                    Phase::Verifying(_) => false,
                };
            prop_assert!(waits, "a run that waits for nothing");
        }
    }
}
