//! In which order an answer is judged and worked on, and in whose words a failure comes.

use serde_json::{Value, json};

use super::*;
use crate::api::ExternalSourceSpec;
use crate::generators::{Head, Validators};
use crate::hooks::{Executor, ExecutorError};
use crate::pipeline::hooks::testing::{FakeExecutor, text};
use crate::transform::{Output, Problem, ProblemKind, Step, Steps};

fn source(spec: &Value) -> Arc<ExternalSource> {
    let mut object = json!({"metadata": {"name": "a"}, "spec": {"interval": "1m", "generator": {"type": "http"}}});
    object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(object).unwrap())
}

fn job(spec: &Value, body: &'static str) -> Processing {
    let headers = [("content-type".to_owned(), "text/plain".to_owned())].into();
    let content = Content {
        body: Spools::from_bytes(body),
        validators: Validators::default(),
        content_type: Some("text/plain".to_owned()),
        head: Some(Arc::new(Head { status: 200, headers })),
    };
    Processing::new(source(spec), content, "data.json".to_owned())
}

async fn run(executor: &dyn Executor, job: Processing) -> Result<Ran<Content, Processing>, Failure> {
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    process(job, &Runner { executor, spools: &spools, observe: &|_| {} }).await
}

async fn done(executor: &FakeExecutor, spec: &Value, body: &'static str) -> Content {
    match run(executor, job(spec, body)).await.unwrap() {
        Ran::Done(content) => content,
        Ran::Again(_, failure) => panic!("{failure}"),
    }
}

fn everything() -> Value {
    json!({
        "assertions": [{"cel": "status == 200"}],
        "hooks": {"postRequest": [{"name": "h", "command": "add", "args": ["-hook"], "retryPolicy": "retry"}]},
        "transform": [{"jq": ".a"}, {"cel": "body.b"}],
        "output": "yaml",
    })
}

#[tokio::test]
async fn assertions_see_what_the_origin_sent_and_the_transformation_what_the_hooks_made() {
    let executor = FakeExecutor::default();
    let content = done(&executor, &everything(), "{\"a\":1}").await;
    assert_eq!(text(&content.body), "{\"a\":1}-hook");
    assert_eq!(content.content_type, None, "it said something about another body");
    let [(assert, judged), (transform, document)] = executor.programs().try_into().unwrap();
    let Program::Assert(assertions) = assert else { panic!("{assert:?}") };
    assert_eq!((assertions.status, assertions.headers["content-type"].as_str()), (200, "text/plain"));
    assert_eq!((assertions.expressions, judged.as_str()), (vec!["status == 200".to_owned()], "{\"a\":1}"));
    let steps = vec![Step::Jq(".a".to_owned()), Step::Cel("body.b".to_owned())];
    assert_eq!(transform, Program::Transform(Steps { steps, output: Output::Yaml, files: false }));
    assert_eq!(document, "{\"a\":1}-hook");
}

#[tokio::test]
async fn assertions_alone_change_nothing_and_of_an_archive_they_see_no_body() {
    let executor = FakeExecutor::default();
    let spec = json!({"assertions": [{"cel": "status == 200"}]});
    let content = done(&executor, &spec, "{\"a\":1}").await;
    assert_eq!((text(&content.body).as_str(), content.content_type.as_deref()), ("{\"a\":1}", Some("text/plain")));
    let archive = json!({"assertions": [{"cel": "status == 200"}], "generator": {"type": "http",
        "http": {"url": "http://a", "unpack": {"format": "zip"}}}});
    assert_eq!(text(&done(&executor, &archive, "PK").await.body), "PK");
    let documents: Vec<_> = executor.programs().into_iter().map(|(_, document)| document).collect();
    assert_eq!(documents, ["{\"a\":1}", ""]);
}

#[tokio::test]
async fn what_the_origin_should_not_have_sent_reaches_no_hook() {
    for (body, reason) in [("", "EmptyContent"), (" [] ", "EmptyContent"), ("<!doctype html><p>", "InvalidContent")] {
        let executor = FakeExecutor::default();
        let failure = run(&executor, job(&everything(), body)).await.unwrap_err();
        assert_eq!((failure.class, failure.reason), (Class::Refused, reason));
        assert!(executor.ran().is_empty() && executor.programs().is_empty());
    }
    let mut spec = everything();
    spec["allowEmpty"] = json!(true);
    assert_eq!(text(&done(&FakeExecutor::default(), &spec, "").await.body), "-hook");
}

#[tokio::test]
async fn a_retry_judges_nothing_twice() {
    let executor = FakeExecutor::default();
    let mut spec = everything();
    spec["hooks"]["postRequest"][0]["command"] = json!("flaky");
    spec["hooks"]["postRequest"][0]["args"] = json!(["1"]);
    let Ran::Again(rest, failure) = run(&executor, job(&spec, "{\"a\":1}")).await.unwrap() else { panic!() };
    assert_eq!(failure.reason, "HookFailed");
    let Ran::Done(content) = run(&executor, *rest).await.unwrap() else { panic!() };
    assert_eq!(text(&content.body), "{\"a\":1}");
    assert_eq!(executor.programs().len(), 2, "assertions once, transformation once");
}

fn problem(kind: ProblemKind, index: Option<usize>) -> Problem {
    Problem { kind, index, message: "it is odd".to_owned() }
}

#[tokio::test]
async fn a_problem_is_told_in_the_words_of_the_spec() {
    let assertions = json!({"assertions": [{"cel": "a"}, {"cel": "b", "message": "the list has no items"}]});
    let steps = json!({"transform": [{"jq": ".a"}, {"cel": "body.b"}]});
    let (refused, configuration) = (Class::Refused, Class::Configuration);
    for (spec, kind, index, class, reason, message) in [
        (&assertions, ProblemKind::Assertion, Some(1), refused, "AssertionFailed", "the list has no items"),
        (
            &assertions,
            ProblemKind::Assertion,
            Some(0),
            refused,
            "AssertionFailed",
            "the answer does not meet the assertion a",
        ),
        (&assertions, ProblemKind::Evaluation, Some(1), refused, "AssertionFailed", "spec.assertions[1]: it is odd"),
        (&assertions, ProblemKind::Input, None, refused, "AssertionFailed", "spec.assertions: it is odd"),
        (
            &assertions,
            ProblemKind::Expression,
            Some(1),
            configuration,
            "InvalidSpec",
            "spec.assertions[1].cel: it is odd",
        ),
        (&steps, ProblemKind::Expression, Some(0), configuration, "InvalidSpec", "spec.transform[0].jq: it is odd"),
        (&steps, ProblemKind::Evaluation, Some(1), refused, "TransformFailed", "spec.transform[1].cel: it is odd"),
        (&steps, ProblemKind::Input, None, refused, "TransformFailed", "spec.transform: it is odd"),
    ] {
        let executor = FakeExecutor::default();
        executor.gives(Err(problem(kind, index)));
        let failure = run(&executor, job(spec, "{\"a\":1}")).await.unwrap_err();
        assert_eq!((failure.class, failure.reason, failure.message.as_str()), (class, reason, message));
    }
}

#[test]
fn a_child_that_was_stopped_or_did_not_run_is_no_problem_of_the_expression() {
    use crate::sandbox::{Exit, Limit};
    let transient = Class::TRANSIENT;
    for (error, class, reason, message) in [
        (
            ExecutorError::Limit(Limit::Memory),
            Class::Refused,
            "TransformFailed",
            "spec.transform exceeded its memory limit",
        ),
        (
            ExecutorError::Failed(Exit::Signal(6)),
            Class::Refused,
            "TransformFailed",
            "spec.transform was killed by signal 6",
        ),
        (
            ExecutorError::Unavailable("busy".to_owned()),
            transient,
            "HooksUnavailable",
            "the hook executor is unavailable: busy",
        ),
        (
            ExecutorError::Spool(std::io::Error::other("/tmp/c4n4ry")),
            transient,
            "BuildFailed",
            "input or output of a hook could not be kept: other error",
        ),
    ] {
        let failure = transform_failure(&[], &error);
        assert_eq!((failure.class, failure.reason, failure.message.as_str()), (class, reason, message));
    }
}

#[test]
fn fields_that_cannot_work_are_named() {
    let unpack = json!({"type": "http", "http": {"url": "http://a", "unpack": {"format": "zip"}}});
    for (spec, expected) in [
        (json!({"transform": [{"jq": "."}, {}]}), "spec.transform[1] must have exactly one of jq and cel"),
        (json!({"transform": [{"jq": ".", "cel": "body"}]}), "spec.transform[0] must have exactly one of jq and cel"),
        (json!({"assertions": [{"cel": ""}]}), "spec.assertions[0].cel is required"),
        (json!({"transform": [{"jq": "."}], "output": "xml"}), "spec.output \"xml\" is none of \"json\" and \"yaml\""),
        (json!({"output": "yaml"}), "spec.output needs spec.transform"),
        (json!({"outputFiles": true}), "spec.outputFiles needs spec.transform"),
        (
            json!({"transform": [{"jq": "."}], "generator": unpack}),
            "spec.transform cannot be used together with spec.generator.http.unpack",
        ),
    ] {
        let failure = Failure::from(check(&source(&spec).spec).expect_err(expected));
        assert_eq!((failure.class, failure.reason), (Class::Configuration, "InvalidSpec"));
        assert_eq!(failure.message, expected);
    }
    for spec in [everything(), json!({"outputFiles": false}), json!({}), json!({"generator": unpack})] {
        assert_eq!(check(&source(&spec).spec), Ok(()), "{spec}");
    }
    let spec: ExternalSourceSpec = source(&json!({})).spec.clone();
    assert!(!is_needed(&spec) && !reshapes(&spec));
}
