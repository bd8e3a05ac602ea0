//! What preRequest hooks make of a request, over a redirect, and what they must not make of it.

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::{Origin, Reply};

use super::bed::{Bed, message, script, with, with_policy};
use crate::harness::{Ledger, config_map};
use crate::secrets::write_secret;

#[tokio::test]
async fn headers_query_and_body_reach_the_origin_and_no_other() -> Result<()> {
    let bed = Bed::start("hooks-request").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    let other = Origin::start().await?;
    other.on("/map.yaml", Reply::ok(config_map("elsewhere")));
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    origin.on("/moved", Reply::redirect(307, "/map.yaml?moved"));
    origin.on("/away", Reply::redirect(307, &other.url("/map.yaml")));
    let output = json!({"headers": {"X-Token": "t"}, "query": {"page": "2"}, "body": {"q": [1]}}).to_string();
    let headers = json!({"headers": {"X-Token": "t"}}).to_string();
    let source = |path: &str, method: &str, output: &str| {
        let hooks = json!({"preRequest": [script("make", &format!("echo '{output}'"))]});
        let http = json!({"fromPreRequest": true, "method": method});
        with(&origin.url(path), &json!({"hooks": hooks, "generator": {"http": http}, "destinationPath": "map.yaml"}))
    };
    sources.apply("moved", &source("/moved", "POST", &output)).await?;
    sources.wait_ready("moved").await?;
    for (path, query) in [("/moved", "page=2"), ("/map.yaml", "moved")] {
        let requests = origin.requests_for(path);
        let [request] = requests.as_slice() else { anyhow::bail!("{requests:?}") };
        ensure!(request.method == "POST" && request.query == query, "{request:?}");
        ensure!(request.header("x-token") == Some("t") && request.body == r#"{"q":[1]}"#, "{request:?}");
        ensure!(request.header("content-type") == Some("application/json"), "{request:?}");
        ensure!(request.header("content-length") == Some("9"), "{request:?}");
    }

    sources.apply("away", &source("/away", "GET", &headers)).await?;
    sources.wait_ready("away").await?;
    ensure!(other.requests().len() == 1 && other.requests()[0].header("x-token").is_none(), "{:?}", other.requests());
    sources.apply("away-with-body", &source("/away", "POST", &output)).await?;
    let failed = sources.wait_failed("away-with-body", "FetchFailed").await?;
    ensure!(message(&failed).contains("another origin, which is never sent what preRequest hooks made"), "{failed}");
    ensure!(other.requests().len() == 1, "it was not asked");

    sources.apply("get-with-body", &source("/map.yaml", "GET", &output)).await?;
    let failed = sources.wait_failed("get-with-body", "HookFailed").await?;
    ensure!(message(&failed).contains("has a body, which GET requests do not take"), "{}", message(&failed));
    sources.apply("raw", &source("/map.yaml", "GET", "a bare token")).await?;
    let failed = sources.wait_failed("raw", "HookFailed").await?;
    let expected = "the output of the preRequest hooks cannot be used: is no JSON: line 1, column 1";
    ensure!(message(&failed) == expected, "{}", message(&failed));
    Ok(())
}

#[tokio::test]
async fn secrets_are_read_once_before_any_hook_runs_however_often_hooks_are_tried() -> Result<()> {
    let bed = Bed::start("hooks-secrets").await?;
    let (scene, sources, origin) = (&bed.scene, &bed.scene.sources, &bed.scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    let hooks = json!({"preRequest": [with_policy(script("fails", "exit 1"), "retry")]});
    let source = |secret: &str| {
        let http = json!({"headersSecretRef": {"name": secret}});
        with(&origin.url("/map.yaml"), &json!({"maxRetries": 2, "hooks": hooks, "generator": {"http": http}}))
    };
    sources.apply("missing", &source("missing")).await?;
    sources.wait_failed("missing", "SecretUnavailable").await?;
    let metrics = scene.controller.scrape().await?;
    ensure!(!metrics.contains("externalsource_hook_execution_total{"), "no hook without its Secret: {metrics}");

    write_secret(scene, &sources.namespace, "there", &[("X-Token", "t")]).await?;
    let ledger = Ledger::open(&scene.testbed, &scene.controller.user, &sources.namespace).await?;
    sources.apply("there", &source("there")).await?;
    sources.wait_failed("there", "HookFailed").await?;
    let metrics = scene.controller.scrape().await?;
    let tried = "externalsource_hook_execution_total{stage=\"preRequest\",policy=\"retry\",outcome=\"failed\"} 3";
    ensure!(metrics.contains(tried), "{metrics}");
    let read = ledger.requests("secrets").await?;
    let of_it = read.iter().filter(|it| it.object_ref.as_ref().is_some_and(|object| object.name == "there")).count();
    ensure!(of_it == 1, "{read:?}");
    ensure!(origin.requests().is_empty());
    Ok(())
}
