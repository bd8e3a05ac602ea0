//! The origin answers, and the answer cannot be used: it is asked again once per interval, not with backoff.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::{Reply, archive};

use super::expect::{Good, Told, healed};
use crate::harness::{Options, SOON, Scene, config_map, every};

/// Every source's interval, less the most that the jitter takes off and some imprecision of timers. A backoff would
/// begin with a tenth of a second.
const ALMOST_AN_INTERVAL: Duration = Duration::from_millis(1850);

/// A bad answer to what was asked for at `/{name}.yaml`.
struct Case {
    name: &'static str,
    answer: Reply,
    told: Told,
    /// Part of the spec beside the URL.
    unpack: Option<Value>,
}

fn case(name: &'static str, answer: Reply, reason: &'static str, says: &'static str) -> Case {
    Case { name, answer, told: Told { reason, says }, unpack: None }
}

fn cases(origin: &str) -> Result<Vec<Case>> {
    const LOGIN: &str = "<!DOCTYPE html><html><body><form>Please log in</form></body></html>";
    let html = |reply: Reply| reply.header("content-type", "text/html");
    let unpack = || Some(json!({"format": "tar.gz"}));
    let without_manifests = archive::tar_gz(&[("README", b"hello")])?;
    let broken = archive::tar_gz(&[("map.yaml", config_map("two").as_bytes())])?;
    let broken = broken[..broken.len() / 2].to_vec();
    Ok(vec![
        case("empty", Reply::ok(""), "EmptyContent", "the answer is empty; set spec.allowEmpty"),
        case("array", Reply::ok("[]"), "EmptyContent", "nothing but []; set spec.allowEmpty"),
        case("object", Reply::ok("{}\n"), "EmptyContent", "nothing but {}; set spec.allowEmpty"),
        case("null", Reply::ok(" null "), "EmptyContent", "nothing but null; set spec.allowEmpty"),
        case("page", Reply::ok(LOGIN), "InvalidContent", "an HTML page where data was asked for"),
        case("type", html(Reply::ok("sorry")), "InvalidContent", "Content-Type is HTML where data"),
        case("list", Reply::ok("apiVersion: v1\nkind: List\nitems: []\n"), "EmptyContent", "has an object in it"),
        case("comments", Reply::ok("---\n# nothing\n---\n"), "EmptyContent", "has an object in it"),
        case("large", Reply::ok("x".repeat(5000)), "InvalidContent", "the body is larger than 4096 bytes"),
        case("chunks", Reply::ok("x".repeat(5000)).chunked(), "InvalidContent", "the body is larger than 4096 bytes"),
        case("bomb", Reply::ok("x".repeat(5000)).gzip(), "InvalidContent", "larger than 4096 bytes after decoding"),
        case("created", Reply::status(201).body(config_map("two")), "FetchFailed", "the origin answered 201"),
        case("unauthorized", Reply::status(401), "FetchFailed", "the origin answered 401"),
        case("forbidden", Reply::status(403), "FetchFailed", "the origin answered 403"),
        case("missing", Reply::status(404), "FetchFailed", "the origin answered 404"),
        case("gone", Reply::status(410), "FetchFailed", "the origin answered 410"),
        case("loop", Reply::redirect(302, &format!("{origin}/loop.yaml")), "FetchFailed", "redirected more than 10"),
        Case { unpack: unpack(), ..case("broken", Reply::ok(broken), "InvalidContent", "archive is cut off") },
        Case { unpack: unpack(), ..case("text", Reply::ok("sorry"), "InvalidContent", "is no tar.gz archive") },
        Case {
            unpack: unpack(),
            ..case("lost", Reply::ok(without_manifests), "EmptyContent", "the last YAML file is gone")
        },
    ])
}

fn answer(case: &Case, value: &str) -> Result<Reply> {
    let content = config_map(value);
    if case.unpack.is_none() {
        return Ok(Reply::ok(content));
    }
    Ok(Reply::ok(archive::tar_gz(&[("map.yaml", content.as_bytes())])?))
}

#[tokio::test]
async fn a_refused_answer_leaves_the_good_artifact_is_asked_for_again_once_per_interval_and_heals() -> Result<()> {
    let scene = Scene::start_with("refused", Options::default().with("HTTP_MAX_BODY_SIZE", "4096")).await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let cases = cases(&origin.url(""))?;
    for case in &cases {
        let path = format!("/{}.yaml", case.name);
        origin.on(&path, answer(case, "one")?);
        let mut spec = every("2s", &origin.url(&path));
        if let Some(unpack) = &case.unpack {
            spec["generator"]["http"]["unpack"] = unpack.clone();
        }
        sources.apply(case.name, &spec).await?;
    }
    let mut goods = Vec::new();
    for case in &cases {
        goods.push(Good::of(sources, case.name).await?);
        origin.on(&format!("/{}.yaml", case.name), case.answer.clone());
    }
    for (case, good) in cases.iter().zip(&goods) {
        good.kept(sources, case.told).await?;
    }
    origin.forget();
    for case in &cases {
        let path = format!("/{}.yaml", case.name);
        let requests = origin.wait_for_requests(&path, if case.name == "loop" { 22 } else { 3 }, SOON).await?;
        // A run that is redirected asks eleven times, at once.
        let runs: Vec<_> = requests.iter().step_by(if case.name == "loop" { 11 } else { 1 }).collect();
        for pair in runs.windows(2) {
            let pause = pair[1].at.duration_since(pair[0].at)?;
            ensure!(pause >= ALMOST_AN_INTERVAL, "{}: asked again after {pause:?}", case.name);
        }
    }
    for (case, good) in cases.iter().zip(&goods) {
        good.kept(sources, case.told).await?;
        origin.on(&format!("/{}.yaml", case.name), answer(case, "healed")?);
    }
    for case in &cases {
        healed(sources, case.name).await?;
    }
    Ok(())
}
