//! What only an edit of the spec can mend: Stalled with a message that names the field, and no retry.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;

use super::expect::{Good, Told, healed, stalled};
use crate::harness::{Scene, config_map, every, http_source};

/// A merge patch that the API server admits although it cannot work.
struct Case {
    name: &'static str,
    patch: Value,
    told: Told,
}

fn case(name: &'static str, patch: Value, reason: &'static str, says: &'static str) -> Case {
    Case { name, patch, told: Told { reason, says } }
}

fn http(name: &'static str, patch: &Value, reason: &'static str, says: &'static str) -> Case {
    case(name, json!({"generator": {"http": patch}}), reason, says)
}

fn cases() -> Vec<Case> {
    let hook = |fields: Value| {
        let mut hook = json!({"name": "sign", "command": "jq"});
        hook.as_object_mut().into_iter().for_each(|hook| hook.extend(fields.as_object().cloned().unwrap_or_default()));
        hook
    };
    let long = "x".repeat(256);
    let age = "9".repeat(30) + "h";
    vec![
        case(
            "path",
            json!({"destinationPath": "a//b.yaml"}),
            "InvalidSpec",
            "spec.destinationPath has an empty segment",
        ),
        case("dot", json!({"destinationPath": "a/./b.yaml"}), "InvalidSpec", "spec.destinationPath has a \".\""),
        case("segment", json!({"destinationPath": long}), "InvalidSpec", "spec.destinationPath has a segment longer"),
        case("interval", json!({"interval": age}), "InvalidSpec", "spec.interval"),
        case(
            "before",
            json!({"hooks": {"preRequest": [hook(json!({"timeout": "0s"}))]}}),
            "InvalidSpec",
            "spec.hooks.preRequest[0].timeout \"0s\" leaves no time at all",
        ),
        case(
            "after",
            json!({"hooks": {"postRequest": [hook(json!({})), hook(json!({"args": ["a\u{0}"]}))]}}),
            "InvalidSpec",
            "spec.hooks.postRequest[1].args[0] has a NUL",
        ),
        http(
            "timeout",
            &json!({"timeout": age}),
            "InvalidSpec",
            "spec.generator.http.timeout is longer than 292 years",
        ),
        http("method", &json!({"method": "head"}), "InvalidSpec", "spec.generator.http.method must not be HEAD"),
        http("port", &json!({"url": "http://host:99999/"}), "InvalidURL", "spec.generator.http.url is not a valid URL"),
        http("metadata", &json!({"url": "http://169.254.169.254/"}), "InvalidURL", "spec.generator.http.url leads to"),
        http(
            "unpack",
            &json!({"unpack": {"format": "zip", "path": "a//b"}}),
            "InvalidSpec",
            "spec.generator.http.unpack.path has an empty segment",
        ),
    ]
}

#[tokio::test]
async fn what_only_an_edit_can_mend_is_stalled_names_the_field_and_is_not_tried_again() -> Result<()> {
    let scene = Scene::start("stalled").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let cases = cases();
    for case in &cases {
        let path = format!("/{}.yaml", case.name);
        origin.on(&path, Reply::ok(config_map("one")));
        sources.apply(case.name, &http_source(&origin.url(&path))).await?;
    }
    let mut goods = Vec::new();
    for case in &cases {
        goods.push(Good::of(sources, case.name).await?);
    }
    origin.forget();
    let ledger = scene.ledger().await?;
    for case in &cases {
        let mut patch = json!({"spec": case.patch});
        if patch["spec"]["interval"].is_null() {
            patch["spec"]["interval"] = "1s".into();
        }
        sources.merge(case.name, &patch).await?;
    }
    for (case, good) in cases.iter().zip(&goods) {
        good.kept_and_stalled(sources, case.told).await?;
    }
    let writes = ledger.writes().await?.len();
    ensure!(writes == 2 * cases.len(), "{writes} writes for {} sources", cases.len());

    // Several intervals of a source that is well, and nothing was asked or written for the others.
    origin.on("/witness.yaml", Reply::ok(config_map("witness")));
    sources.apply("witness", &every("1s", &origin.url("/witness.yaml"))).await?;
    origin.wait_for_requests("/witness.yaml", 4, crate::harness::SOON).await?;
    ensure!(origin.requests().iter().all(|request| request.path == "/witness.yaml"), "{:?}", origin.requests());
    ensure!(ledger.writes().await?.len() == writes + 3, "{:?}", ledger.writes().await?);

    for case in &cases {
        let path = format!("/{}.yaml", case.name);
        origin.on(&path, Reply::ok(config_map("healed")));
        let undo = json!({"spec": {"destinationPath": null, "hooks": null, "interval": "1h", "generator": {"http": {
            "url": origin.url(&path), "timeout": null, "method": null, "unpack": null,
        }}}});
        sources.merge(case.name, &undo).await?;
    }
    for case in &cases {
        healed(sources, case.name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_source_that_cannot_work_gets_no_artifact() -> Result<()> {
    let scene = Scene::start("stalled-new").await?;
    let sources = &scene.sources;
    let mut spec = http_source(&scene.origin.url("/map.yaml"));
    spec["hooks"] = json!({"postRequest": [{"name": "sign", "command": "jq", "timeout": "0s"}]});
    sources.apply("config", &spec).await?;
    let told = Told { reason: "InvalidSpec", says: "spec.hooks.postRequest[0].timeout" };
    let source = sources.wait_failed("config", told.reason).await?;
    stalled(&source, told)?;
    ensure!(source["status"]["artifact"].is_null());
    ensure!(sources.artifacts.get_opt("config").await?.is_none(), "an ExternalArtifact only to say so");
    ensure!(scene.origin.requests().is_empty());
    Ok(())
}
