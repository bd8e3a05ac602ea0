//! The stages around the request: when there are any, what they cost, and when a hook is tried again.

use super::*;
use crate::api::conditions::reasons;
use crate::failure::Class;
use crate::pipeline::hooks::Ran;
use crate::pipeline::prepare::{PrepareEnd, Prepared};

/// A source with hooks before and after the request.
pub(super) fn around(max_retries: i64) -> Value {
    let hook = json!({"name": "h", "command": "c", "retryPolicy": "retry"});
    json!({"spec": {"maxRetries": max_retries, "hooks": {"preRequest": [hook], "postRequest": [hook]}}})
}

fn hook_failure() -> Failure {
    let message = "hook \"h\" (postRequest[0]) ended with exit code 5".to_owned();
    Failure { class: Class::Refused, reason: reasons::HOOK_FAILED, message }
}

impl World {
    fn prepared(&mut self, output: &'static str) -> &mut Self {
        let output = Spools::from_bytes(output);
        let prepared = Prepared { secrets: std::collections::BTreeMap::new(), output };
        self.end(StageEnd::Prepared(PrepareEnd { stored: Some(true), result: Ok(Ran::Done(prepared)) }))
    }

    fn processed(&mut self, body: &'static str) -> &mut Self {
        let body = Spools::from_bytes(body);
        let content = Content { body, validators: Validators::default(), content_type: None, head: None };
        self.end(StageEnd::Processed(Ok(Ran::Done(content))))
    }

    /// A hook of the stage under way fails and wants another try.
    fn hook_fails(&mut self) -> &mut Self {
        let end = match (self.work(Job::Prepare), self.work(Job::Process)) {
            (Some(Work::Prepare(rest)), _) => StageEnd::Prepared(PrepareEnd {
                stored: None,
                result: Ok(Ran::Again(Box::new(rest.clone()), hook_failure())),
            }),
            (_, Some(Work::Process(rest))) => {
                StageEnd::Processed(Ok(Ran::Again(Box::new(rest.clone()), hook_failure())))
            }
            _ => panic!("no hook was started: {:?}", self.started()),
        };
        self.end(end)
    }
}

#[test]
fn hooks_run_before_and_after_the_request_and_only_where_there_are_any() {
    let transform = json!({"spec": {"transform": [{"jq": "."}]}});
    let assertions = json!({"spec": {"assertions": [{"cel": "true"}]}});
    let nothing = json!({"spec": {"hooks": {"preRequest": [], "postRequest": []}, "transform": []}});
    for (spec, before, after) in
        [(around(3), true, true), (transform, false, true), (assertions, false, true), (nothing, false, false)]
    {
        let mut world = World::new(source(&spec));
        if before {
            assert_eq!(world.started(), [Job::Prepare], "{spec}");
            assert_eq!(world.machine.activity().state, State::Hooks);
            world.prepared("token");
            assert!(world.fetch().prepared.is_some());
        }
        assert_eq!(world.started(), [Job::Fetch], "{spec}");
        assert_eq!(world.machine.activity().state, State::Fetching);
        world.content(false, "{}", "\"e1\"");
        if after {
            assert_eq!(world.started(), [Job::Process], "{spec}");
            assert_eq!(world.machine.activity().state, State::Hooks);
            world.processed("a: 1");
        }
        assert_eq!(world.started(), [Job::Package], "{spec}");
        let Some(Work::Package(packaging)) = world.work(Job::Package) else { panic!() };
        assert_eq!(packaging.content.body.len(), if after { 4 } else { 2 }, "what came of the answer is packaged");
        world.packaged("a: 1").stored().apply();
        assert_eq!(world.condition(types::READY), Some(ready()));
    }
}

#[test]
fn an_origin_that_did_not_change_costs_the_hooks_before_and_none_after() {
    let mut world = World::new(source(&around(3)));
    world.prepared("token").content(false, "{}", "\"e1\"").processed("a: 1").packaged("a: 1").stored().apply();
    world.fire(Timer::Wake);
    assert_eq!(world.started(), [Job::Prepare]);
    assert_eq!(world.prepared("token").started(), [Job::Fetch]);
    assert_eq!(world.answer(true, Ok(Answer::NotModified)).started(), []);
    assert!(world.delay(Timer::Wake).is_some());
}

#[test]
fn a_hook_is_tried_again_with_growing_delays_and_one_budget_for_the_whole_run() {
    let mut world = World::new(source(&around(3)));
    assert_eq!(world.hook_fails().started(), [], "nothing is held until it is due");
    let first = world.delay(Timer::Hook).unwrap();
    assert_eq!(world.machine.activity().state, State::Hooks);
    assert_eq!(world.fire(Timer::Hook).started(), [Job::Prepare]);
    world.prepared("token").content(false, "{}", "\"e1\"");
    world.hook_fails();
    let second = world.delay(Timer::Hook).unwrap();
    assert_eq!(world.fire(Timer::Hook).started(), [Job::Process]);
    world.hook_fails();
    let third = world.delay(Timer::Hook).unwrap();
    assert!(first < second && second < third && third < Duration::from_secs(60), "{first:?} {second:?} {third:?}");
    world.fire(Timer::Hook);
    assert_eq!(world.hook_fails().started(), [Job::Publish], "the budget is used up");
    world.apply();
    assert_eq!(world.condition(types::READY).unwrap(), ("False".to_owned(), "HookFailed".to_owned()));
    assert!(world.delay(Timer::Wake).unwrap() > Duration::from_secs(500), "the next interval");
    assert_eq!(world.fire(Timer::Wake).started(), [Job::Prepare]);
    assert_eq!(world.hook_fails().started(), [], "each run has a budget of its own");
}

#[test]
fn no_retries_are_none() {
    let mut world = World::new(source(&around(0)));
    assert_eq!(world.hook_fails().started(), [Job::Publish]);
}

#[test]
fn a_run_that_waits_for_a_hook_is_given_up_as_any_other() {
    let mut world = World::new(source(&around(3)));
    world.hook_fails();
    world.change(&json!({"metadata": {"generation": 2}, "spec": {"interval": "5m"}}));
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Clear(Timer::Hook))));
    assert_eq!(world.started(), [Job::Prepare], "the new spec");
    assert_eq!(world.step(Input::Fired(Timer::Hook)).started(), [], "it belonged to the run before");
    world.change(&json!({"metadata": {"generation": 3}, "spec": {"suspend": true}}));
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Cancel)));
    assert_eq!(world.fire(Timer::Hook).started(), []);
}

#[test]
fn hooks_that_last_are_reported_as_such() {
    let mut world = World::new(source(&around(3)));
    world.step(Input::Fired(Timer::Progress)).apply();
    assert_eq!(world.condition(types::EXECUTING_HOOKS).unwrap().0, "True");
    assert_eq!(world.prepared("token").started(), [Job::Fetch, Job::Progress]);
    world.apply();
    assert!(world.condition(types::EXECUTING_HOOKS).is_none() && world.condition(types::FETCHING).is_some());
    world.content(false, "{}", "\"e1\"").apply();
    assert!(world.condition(types::EXECUTING_HOOKS).is_some() && world.condition(types::FETCHING).is_none());
    world.processed("a: 1").apply();
    world.packaged("a: 1").stored().apply();
    assert_eq!(world.status().conditions.len(), 1, "Ready alone");
}

#[test]
fn a_worker_that_is_lost_and_an_executor_that_is_away_are_transient() {
    for job in [Job::Prepare, Job::Process] {
        let mut world = World::new(source(&around(3)));
        if job == Job::Process {
            world.prepared("token").content(false, "{}", "\"e1\"");
        }
        world.end(StageEnd::Lost(job)).apply();
        assert_eq!(world.condition(types::READY).unwrap().1, "HookFailed");
        assert!(world.delay(Timer::Wake).unwrap() < Duration::from_secs(2));
    }
    let mut world = World::new(source(&around(3)));
    let away = Failure { reason: reasons::HOOKS_UNAVAILABLE, ..failure(Class::TRANSIENT) };
    world.end(StageEnd::Prepared(PrepareEnd { stored: Some(false), result: Err(away) })).apply();
    assert_eq!(world.condition(types::RECONCILING).unwrap().1, "ProgressingWithRetry");
    assert!(world.delay(Timer::Wake).unwrap() < Duration::from_secs(2));
}

#[test]
fn missing_bytes_are_noticed_although_the_hooks_fail() {
    let mut world = World::new(source(&around(0)));
    world.prepared("token").content(false, "{}", "\"e1\"").processed("a: 1").packaged("a: 1").stored().apply();
    world.fire(Timer::Wake);
    world.end(StageEnd::Prepared(PrepareEnd { stored: Some(false), result: Err(hook_failure()) }));
    assert_eq!(world.delay(Timer::Withdraw), Some(WITHDRAW_AFTER));
}

/// A run that ends with the same content for this digest of the hooks' output.
fn poll(world: &mut World, output: &[u8]) {
    world.input = Some(Digest::of(output));
    world.fire(Timer::Wake).prepared("token").content(true, "{}", "\"e1\"").processed("a: 1");
    world.end(StageEnd::Packaged(Ok(Packaged::Unchanged)));
}

#[test]
fn a_token_that_is_new_for_every_run_costs_no_write_and_stays_out_of_the_status() {
    let mut world = World::new(source(&around(3)));
    world.input = Some(Digest::of(b"token 1"));
    world.prepared("token").content(false, "{}", "\"e1\"").processed("a: 1").packaged("a: 1").stored().apply();
    let advertised = |world: &World| world.machine.advertised().unwrap();
    assert_eq!(advertised(&world).input, Some(Digest::of(b"token 1")));
    assert_eq!(world.status().last_handled_request.as_deref(), Some("f1"));
    for token in ["token 2", "token 3"] {
        poll(&mut world, token.as_bytes());
        assert_eq!(world.started(), [], "no write");
        assert_eq!(advertised(&world).input, Some(Digest::of(token.as_bytes())));
    }
    let restarted = restarted(&world);
    assert_eq!(advertised(&restarted).input, None, "then nothing is known of it");
    assert_eq!(advertised(&restarted).fingerprint.as_deref(), Some("f1"));
}
