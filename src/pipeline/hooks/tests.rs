//! What a chain gives, and what each kind of failure does to it.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::testing::{FakeExecutor, text};
use super::*;
use crate::api::ExternalSourceSpec;
use crate::api::conditions::reasons;
use crate::failure::Class;

fn spec(hooks: &Value) -> ExternalSourceSpec {
    serde_json::from_value(json!({"hooks": {"postRequest": hooks}})).unwrap()
}

/// Hooks from command, first argument and policy.
fn hooks(list: &[(&str, &str, &str)]) -> Vec<Hook> {
    let list: Vec<_> = list
        .iter()
        .map(|(command, arg, policy)| {
            json!({"name": format!("my {command}"), "command": command, "args": [arg], "retryPolicy": policy})
        })
        .collect();
    read(&spec(&json!(list)), When::PostRequest).unwrap()
}

async fn run(executor: &FakeExecutor, hooks: &[Hook], position: Position) -> Result<Ran<Spool, Position>, Failure> {
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    Runner { executor, spools: &spools, observe: &|_| {} }.chain(hooks, position).await
}

fn start(input: &'static str) -> Position {
    Position::start(Spools::from_bytes(input))
}

async fn done(executor: &FakeExecutor, hooks: &[Hook]) -> String {
    match run(executor, hooks, start("in")).await.unwrap() {
        Ran::Done(output) => text(&output),
        Ran::Again(_, failure) => panic!("{failure}"),
    }
}

async fn failed(list: &[(&str, &str, &str)]) -> Failure {
    run(&FakeExecutor::default(), &hooks(list), start("in")).await.expect_err("no failure")
}

#[tokio::test]
async fn each_hook_gets_what_the_one_before_wrote() {
    let executor = FakeExecutor::default();
    let chain = hooks(&[("add", "-1", "fail"), ("add", "-2", "ignore"), ("add", "-3", "retry")]);
    assert_eq!(done(&executor, &chain).await, "in-1-2-3");
    let inputs: Vec<_> = executor.ran().into_iter().map(|(_, input)| input).collect();
    assert_eq!(inputs, ["in", "in-1", "in-1-2"]);
    assert_eq!(done(&executor, &[]).await, "in", "no hooks change nothing");
    assert_eq!(done(&executor, &hooks(&[("say", "", "fail"), ("add", "x", "fail")])).await, "x", "nothing is legal");
}

#[tokio::test]
async fn a_hook_that_is_ignored_hands_on_its_input_also_when_it_may_not_run() {
    for command in ["fail", "slow", "unknown"] {
        let chain = hooks(&[("add", "-1", "fail"), (command, "", "ignore"), ("add", "-2", "fail")]);
        assert_eq!(done(&FakeExecutor::default(), &chain).await, "in-1-2", "{command}");
    }
}

#[tokio::test]
async fn a_hook_that_is_tried_again_starts_from_its_own_input_and_nothing_before_it_runs_twice() {
    let executor = FakeExecutor::default();
    let chain = hooks(&[("add", "-1", "fail"), ("flaky", "2", "retry"), ("add", "-2", "fail")]);
    let mut position = start("in");
    let output = loop {
        match run(&executor, &chain, position).await.unwrap() {
            Ran::Done(output) => break text(&output),
            Ran::Again(rest, failure) => {
                assert_eq!(failure.message, "hook \"my flaky\" (postRequest[1]) ended with exit code 1");
                assert_eq!((rest.next, text(&rest.input).as_str()), (1, "in-1"));
                position = *rest;
            }
        }
    };
    assert_eq!(output, "in-1-2");
    let commands: Vec<_> = executor.ran().into_iter().map(|(command, _)| command).collect();
    assert_eq!(commands, ["add", "flaky", "flaky", "flaky", "add"]);
}

#[tokio::test]
async fn a_failure_says_which_hook_failed_and_how_and_nothing_else() {
    for (command, policy, class, reason, message) in [
        (
            "fail",
            "fail",
            Class::Refused,
            reasons::HOOK_FAILED,
            "hook \"my fail\" (postRequest[1]) ended with exit code 5",
        ),
        (
            "slow",
            "fail",
            Class::Refused,
            reasons::HOOK_FAILED,
            "hook \"my slow\" (postRequest[1]) exceeded its time limit",
        ),
        (
            "rm",
            "retry",
            Class::NotAllowed,
            reasons::HOOK_NOT_ALLOWED,
            "hook \"my rm\" (spec.hooks.postRequest[1]): the command \"rm\" is not in the whitelist",
        ),
    ] {
        let failure = failed(&[("cat", "", "fail"), (command, "c4n4ry", policy)]).await;
        assert_eq!((failure.class, failure.reason, failure.message.as_str()), (class, reason, message));
    }
}

#[tokio::test]
async fn an_executor_that_is_away_is_nobodys_fault_whatever_the_policy() {
    for policy in ["ignore", "retry", "fail"] {
        let executor = FakeExecutor::default();
        executor.set_down(true);
        let failure = run(&executor, &hooks(&[("cat", "", policy)]), start("in")).await.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::HOOKS_UNAVAILABLE));
        assert_eq!(failure.message, "the hook executor is unavailable: no connection");
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_everything_that_ran() {
    let told = Mutex::new(Vec::new());
    let observe = |execution: &Execution<'_>| {
        let What::Hook(hook) = execution.what else { panic!("{execution:?}") };
        told.lock().unwrap().push((hook.name.clone(), hook.policy.name(), execution.error.map(Outcome::of)));
    };
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    let runner = Runner { executor: &FakeExecutor::default(), spools: &spools, observe: &observe };
    let chain = hooks(&[("cat", "", "fail"), ("fail", "", "ignore"), ("rm", "", "retry")]);
    assert!(runner.chain(&chain, start("in")).await.is_err());
    let told = told.into_inner().unwrap();
    let expected = [
        ("my cat", "fail", None),
        ("my fail", "ignore", Some(Outcome::Failed)),
        ("my rm", "retry", Some(Outcome::NotAllowed)),
    ];
    assert_eq!(told, expected.map(|(name, policy, outcome)| (name.to_owned(), policy, outcome)));
}

#[test]
fn what_no_executor_could_run_is_named_by_its_field() {
    let good = json!({"name": "n", "command": "c"});
    for (fields, expected) in [
        (json!({"name": ""}), "name is required"),
        (json!({"name": "a\nb"}), "name has a control character"),
        (json!({"command": ""}), "command is required"),
        (json!({"command": "a\u{1b}"}), "command has a control character"),
        (json!({"args": ["a", "c4n4ry\0"]}), "args[1] has a NUL character, which no argument can hold"),
        (
            json!({"env": [{"name": "A", "value": "c4n4ry\0"}]}),
            "env[0].value has a NUL character, which no variable can hold",
        ),
        (
            json!({"env": [{"name": "", "value": "c4n4ry"}]}),
            "env[0].name is empty, or has an equals sign or a NUL character",
        ),
        (
            json!({"env": [{"name": "A=B", "value": "c4n4ry"}]}),
            "env[0].name is empty, or has an equals sign or a NUL character",
        ),
        (json!({"timeout": "0s"}), "timeout \"0s\" leaves no time at all"),
        (json!({"timeout": "1d"}), "timeout \"1d\" must be a duration such as \"30s\", \"10m\" or \"1h30m\""),
        (json!({"timeout": "9223372037s"}), "timeout \"9223372037s\" is longer than 292 years"),
        (json!({"retryPolicy": "always"}), "retryPolicy \"always\" is none of \"ignore\", \"retry\" and \"fail\""),
    ] {
        let mut hook = good.clone();
        hook.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let error = check(&spec(&json!([good, hook]))).expect_err(expected);
        assert_eq!(error.to_string(), format!("spec.hooks.postRequest[1].{expected}"));
        let failure = Failure::from(error);
        assert_eq!((failure.class, failure.reason), (Class::Configuration, reasons::INVALID_SPEC));
    }
}

#[test]
fn a_hook_is_read_as_it_is_written_with_the_usual_values_where_nothing_is() {
    let env = json!([{"name": "A", "value": "1"}, {"name": "A", "value": ""}]);
    let hook = json!({"name": "n", "command": "jq", "args": ["-r", ".a\n"], "timeout": "1m30s", "env": env});
    let read = read(
        &spec(&json!([hook, {"name": "m", "command": "cat", "timeout": "", "retryPolicy": ""}])),
        When::PostRequest,
    );
    let [first, second] = read.unwrap().try_into().unwrap();
    assert_eq!(first.command.args, ["-r", ".a\n"]);
    assert_eq!(first.command.timeout, Some(Duration::from_secs(90)));
    assert_eq!(first.command.env, [("A".to_owned(), "1".to_owned()), ("A".to_owned(), String::new())]);
    assert_eq!((second.command.timeout, second.policy), (None, Policy::Fail));
}
