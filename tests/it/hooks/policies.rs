//! What becomes of a run whose hooks fail, with commands that really do.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;
use testbed::wait::condition;

use super::bed::{Bed, WHITELIST, hook, message, script, with, with_policy};
use crate::harness::{Options, every, wait_events};
use crate::hooks_sidecar::sidecar::Place;

fn after(hooks: &[Value]) -> Value {
    json!({"hooks": {"postRequest": hooks}, "destinationPath": "out.txt", "maxRetries": 2})
}

#[tokio::test]
async fn a_hook_that_fails_is_ignored_tried_again_or_ends_the_run() -> Result<()> {
    let bed = Bed::start("hooks-policies").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/data", Reply::ok("data"));
    let url = origin.url("/data");
    let fails = || script("fails", "echo no use; exit 5");
    let timeout = |policy| {
        let mut slow = with_policy(script("slow", "sleep 600"), policy);
        slow["timeout"] = "300ms".into();
        slow
    };
    let unknown = || hook("unknown", "rm", &["-rf", "/"]);
    let denied = || hook("denied", "tr", &["a", "secret"]);
    for (name, hooks) in [
        ("ignored", vec![with_policy(fails(), "ignore"), timeout("ignore"), script("more", "cat; printf '!'")]),
        (
            "not-allowed",
            vec![with_policy(unknown(), "ignore"), with_policy(denied(), "ignore"), script("more", "cat; printf '!'")],
        ),
    ] {
        sources.apply(name, &with(&url, &after(&hooks))).await?;
        sources.wait_ready(name).await?;
        ensure!(sources.download(name).await?[0].1 == "data!", "{name}");
    }
    for (name, hook, reason, says) in [
        ("fails", fails(), "HookFailed", "hook \"fails\" (postRequest[1]) ended with exit code 5"),
        (
            "retries",
            with_policy(fails(), "retry"),
            "HookFailed",
            "hook \"fails\" (postRequest[1]) ended with exit code 5",
        ),
        ("slow", timeout("fail"), "HookFailed", "hook \"slow\" (postRequest[1]) exceeded its time limit"),
        (
            "unknown",
            unknown(),
            "HookNotAllowed",
            "hook \"unknown\" (spec.hooks.postRequest[1]): the whitelist has no command \"rm\"",
        ),
        (
            "denied",
            with_policy(denied(), "retry"),
            "HookNotAllowed",
            "hook \"denied\" (spec.hooks.postRequest[1]): argument 2 of \"tr\" matches none of its argumentPatterns",
        ),
    ] {
        sources.apply(name, &with(&url, &after(&[hook_cat(), hook]))).await?;
        let failed = sources.wait_failed(name, reason).await?;
        ensure!(message(&failed).starts_with(says), "{name}: {}", message(&failed));
        let stalled = condition(&failed, "Stalled").is_some();
        ensure!(stalled == (reason == "HookNotAllowed"), "{name}: {failed}");
    }
    // One line for all of them, however they end.
    let metrics = bed.scene.controller.scrape().await?;
    for labels in [
        "stage=\"postRequest\",policy=\"ignore\",outcome=\"failed\"",
        "stage=\"postRequest\",policy=\"ignore\",outcome=\"not-allowed\"",
        "stage=\"postRequest\",policy=\"fail\",outcome=\"success\"",
    ] {
        ensure!(metrics.contains(&format!("externalsource_hook_execution_total{{{labels}}}")), "{labels}: {metrics}");
    }
    let retried = "externalsource_hook_execution_total{stage=\"postRequest\",policy=\"retry\",outcome=\"failed\"} 3";
    ensure!(metrics.contains(retried), "the first try and two retries: {metrics}");
    ensure!(origin.requests().len() == 7, "the origin was asked once for each");
    Ok(())
}

fn hook_cat() -> Value {
    hook("first", "cat", &[])
}

#[tokio::test]
async fn the_last_good_artifact_outlives_hooks_that_fail_and_a_hook_that_works_again_heals() -> Result<()> {
    let bed = Bed::start("hooks-heal").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/data", Reply::ok("{\"good\": true}").etag("\"v1\""));
    let url = origin.url("/data");
    let mut spec = with(&url, &after(&[hook("check", "jq", &["if .good then . else error end"])]));
    spec["interval"] = every("1s", &url)["interval"].clone();
    sources.apply("config", &spec).await?;
    let good = sources.wait_ready("config").await?;

    origin.on("/data", Reply::ok("{\"good\": false}").etag("\"v2\""));
    let failed = sources.wait_failed("config", "HookFailed").await?;
    ensure!(failed["status"]["artifact"] == good["status"]["artifact"], "{failed}");
    let before = sources.download("config").await?;
    ensure!(before[0].1.contains("true"), "{before:?}");
    let told = wait_events(&bed.scene, "config", "HookFailed", 1).await?;
    let reconciling = condition(&failed, "Reconciling").context("not Reconciling")?;
    ensure!(reconciling["reason"] == "ProgressingWithRetry" && !told.is_empty(), "{failed}");

    origin.on("/data", Reply::ok("{\"good\": true, \"new\": 1}").etag("\"v3\""));
    sources.wait_ready("config").await?;
    ensure!(sources.download("config").await?[0].1.contains("new"));
    Ok(())
}

#[tokio::test]
async fn a_whitelist_that_is_mended_needs_no_edit_of_any_source() -> Result<()> {
    // The first is none at all, the second does not allow the command.
    let bed = Bed::start_with("hooks-mended", Place::new("commands: [")?, Options::default()).await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/data", Reply::ok("data"));
    let url = origin.url("/data");
    let interval = every("1s", &url)["interval"].clone();
    for (name, policy) in [("waits", "fail"), ("waits-too", "ignore")] {
        let mut spec = with(&url, &after(&[with_policy(hook("tr", "tr", &["a", "b"]), policy)]));
        spec["interval"] = interval.clone();
        sources.apply(name, &spec).await?;
        let failed = sources.wait_failed(name, "HooksUnavailable").await?;
        ensure!(message(&failed).contains("the whitelist cannot be used: "), "{}", message(&failed));
        ensure!(failed["status"]["artifact"].is_null(), "what no hook has seen is published: {failed}");
    }
    fs::write(&bed.sidecar.whitelist, "commands: {}")?;
    let stalled = sources.wait_failed("waits", "HookNotAllowed").await?;
    ensure!(condition(&stalled, "Stalled").is_some(), "{stalled}");
    fs::write(&bed.sidecar.whitelist, WHITELIST)?;
    let ready = sources.wait_ready("waits").await?;
    ensure!(condition(&ready, "Stalled").is_none(), "{ready}");
    ensure!(sources.download("waits").await?[0].1 == "dbtb");
    Ok(())
}
