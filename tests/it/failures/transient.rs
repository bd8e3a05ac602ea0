//! What is likely to pass by itself is tried again with backoff, and no later than the origin asks for.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::Reply;

use super::expect::{Good, Told, healed};
use crate::harness::{Options, SOON, Scene, config_map, http_source};

struct Case {
    name: &'static str,
    answer: Reply,
    told: Told,
    /// No two requests come closer than this; the backoff begins with a tenth of a second.
    pause: Duration,
}

const AT_ONCE: Duration = Duration::ZERO;

fn case(name: &'static str, answer: Reply, reason: &'static str, says: &'static str) -> Case {
    Case { name, answer, told: Told { reason, says }, pause: AT_ONCE }
}

fn cases() -> Vec<Case> {
    const CUT: &str = "the body ended before it was complete";
    let body = || Reply::ok(config_map("two"));
    let wait = |status| Reply::status(status).header("retry-after", "2");
    let two_seconds = Duration::from_secs(2);
    vec![
        case("error", Reply::status(500), "FetchFailed", "the origin answered 500"),
        case("timeout", Reply::status(408), "FetchFailed", "the origin answered 408"),
        Case { pause: two_seconds, ..case("busy", wait(503), "FetchFailed", "the origin answered 503") },
        Case { pause: two_seconds, ..case("rate", wait(429), "FetchFailed", "the origin answered 429") },
        case("closed", Reply::close(), "FetchFailed", "the connection broke"),
        case("cut", body().cut_after(10), "InvalidContent", CUT),
        case("cut-chunks", body().chunked().cut_after(10), "InvalidContent", CUT),
        case("cut-gzip", body().gzip().cut_after(15), "InvalidContent", CUT),
        case("hang", Reply::hang(), "FetchFailed", "did not come within 1s"),
        case("stall", body().hang_after(10), "FetchFailed", "did not come within 1s"),
    ]
}

#[tokio::test]
async fn a_failure_that_may_pass_leaves_the_good_artifact_is_retried_with_backoff_and_heals() -> Result<()> {
    let scene = Scene::start_with("transient", Options::default().with("HTTP_TIMEOUT", "1s")).await?;
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
    for case in &cases {
        origin.on(&format!("/{}.yaml", case.name), case.answer.clone());
        sources.request(case.name, "broken").await?;
    }
    for (case, good) in cases.iter().zip(&goods) {
        let source = good.kept(sources, case.told).await?;
        ensure!(source["status"]["lastHandledReconcileAt"] == "broken", "{}: the request is handled", case.name);
        let requests = origin.wait_for_requests(&format!("/{}.yaml", case.name), 3, SOON).await?;
        for pair in requests.windows(2) {
            let pause = pair[1].at.duration_since(pair[0].at)?;
            ensure!(pause >= case.pause, "{}: asked again after {pause:?}", case.name);
        }
    }
    for (case, good) in cases.iter().zip(&goods) {
        good.kept(sources, case.told).await?;
        origin.on(&format!("/{}.yaml", case.name), Reply::ok(config_map("healed")));
    }
    for case in &cases {
        healed(sources, case.name).await?;
    }
    Ok(())
}

#[tokio::test]
async fn retries_end_after_the_last_attempt_until_the_next_interval() -> Result<()> {
    let options = Options::default().with("RETRY_MAX_ATTEMPTS", "2").with("RETRY_MAX_DELAY", "200ms");
    let scene = Scene::start_with("attempts", options).await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::status(500));
    sources.apply("config", &crate::harness::every("3s", &origin.url("/map.yaml"))).await?;
    // The first try and two retries; then one per interval.
    let requests = origin.wait_for_requests("/map.yaml", 5, SOON).await?;
    let pauses = requests.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at));
    let pauses = pauses.collect::<Result<Vec<_>, _>>()?;
    let interval = Duration::from_millis(2800);
    ensure!(pauses[0] < interval && pauses[1] < interval, "retried like this: {pauses:?}");
    ensure!(pauses[2] >= interval && pauses[3] >= interval, "retried like this: {pauses:?}");
    Ok(())
}
