//! What the API server is asked to write: as little as the promise says, counted in its own audit log.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use testbed::{Origin, Recorded, Reply};

use crate::harness::{Controller, Ledger, Options, SOON, Scene, Sources, config_map, every, http_source, testbed};

/// The writes for a new object, in their order.
const CREATION: [&str; 3] = ["externalartifacts", "externalartifacts/status", "externalsources/status"];

/// Both statuses, in the order in which they are written.
const STATUSES: [&str; 2] = ["externalartifacts/status", "externalsources/status"];

/// An interval of a second, less the most that the jitter takes off and some imprecision of timers.
const ALMOST_AN_INTERVAL: Duration = Duration::from_millis(900);

fn is_conditional(request: &Recorded, etag: &str) -> bool {
    request.header("if-none-match") == Some(etag)
}

#[tokio::test]
async fn a_new_object_costs_three_writes_and_an_unchanged_poll_none() -> Result<()> {
    let Scene { testbed, sources, origin, controller } = Scene::start("writes-new").await?;
    let ledger = Ledger::open(&testbed, &controller.user, &sources.namespace).await?;
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    sources.apply("config", &every("1s", &origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;
    let requests = origin.wait_for_requests("/map.yaml", 5, SOON).await?;
    ensure!(ledger.writes().await? == CREATION, "{:?}", ledger.writes().await?);
    ensure!(requests[0].header("if-none-match").is_none());
    for pair in requests.windows(2) {
        ensure!(is_conditional(&pair[1], "\"v1\""), "not conditional: {:?}", pair[1]);
        let pause = pair[1].at.duration_since(pair[0].at)?;
        ensure!(pause >= ALMOST_AN_INTERVAL, "two requests within {pause:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_change_costs_one_write_of_each_status_and_a_request_without_a_change_one() -> Result<()> {
    let scene = Scene::start("writes-change").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;

    let ledger = scene.ledger().await?;
    origin.on("/map.yaml", Reply::ok(config_map("two")).etag("\"v2\""));
    sources.request("config", "first").await?;
    sources.wait_handled("config", "first").await?;
    ensure!(ledger.writes().await? == STATUSES, "{:?}", ledger.writes().await?);
    ensure!(sources.download("config").await? == [("map.yaml".to_owned(), config_map("two"))]);

    sources.request("config", "second").await?;
    sources.wait_handled("config", "second").await?;
    let writes = ledger.writes().await?;
    ensure!(writes[..2] == STATUSES && writes[2..] == STATUSES[1..], "{writes:?}");
    ensure!(origin.requests_for("/map.yaml").len() == 3);
    Ok(())
}

#[tokio::test]
async fn an_etag_that_moves_over_the_same_content_costs_no_write() -> Result<()> {
    let scene = Scene::start("writes-moving").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let mut answers = 0;
    origin.on_request("/map.yaml", move |_| {
        answers += 1;
        Reply::ok(config_map("one")).etag(&format!("\"answer-{answers}\""))
    });
    let ledger = scene.ledger().await?;
    sources.apply("config", &every("1s", &origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;
    let requests = origin.wait_for_requests("/map.yaml", 5, SOON).await?;
    ensure!(ledger.writes().await? == CREATION, "{:?}", ledger.writes().await?);
    for (number, request) in requests.iter().enumerate().skip(1) {
        ensure!(is_conditional(request, &format!("\"answer-{number}\"")), "not the newest ETag: {request:?}");
    }
    Ok(())
}

/// A controller whose artifacts have the address of this port.
fn at_port(port: u16) -> Options {
    Options::default()
        .with("ARTIFACT_SERVER_PORT", port.to_string())
        .with("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{port}"))
}

#[tokio::test]
async fn a_restart_writes_nothing_but_the_new_address_of_the_artifact() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("writes-restart").await?;
    let port = testbed::free_port()?;
    let first = Controller::start_with(&testbed, &namespace, at_port(port)).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let before = sources.wait_ready("config").await?;
    first.process.terminate(SOON).await?;

    // The memory is gone, so the bytes are fetched again, and turn out to be the ones that are advertised.
    origin.forget();
    let mut ledger = Ledger::open(&testbed, &first.user, &namespace).await?;
    let second = Controller::start_with(&testbed, &namespace, at_port(port)).await?;
    sources.request("config", "restarted").await?;
    let after = sources.wait_handled("config", "restarted").await?;
    ensure!(ledger.writes().await? == ["externalsources/status"], "{:?}", ledger.writes().await?);
    ensure!(after["status"]["artifact"] == before["status"]["artifact"]);
    ensure!(sources.download("config").await?.len() == 1);
    ensure!(origin.requests_for("/map.yaml")[0].header("if-none-match").is_none(), "nothing is stored any more");
    second.process.terminate(SOON).await?;

    ledger.restart().await?;
    let elsewhere = testbed::free_port()?;
    let _third = Controller::start_with(&testbed, &namespace, at_port(elsewhere)).await?;
    let moved = |source: &Value| {
        let url = source["status"]["artifact"]["url"].as_str().unwrap_or_default();
        url.contains(&format!(":{elsewhere}/"))
    };
    let after = sources.wait("config", "be served at the new address", moved).await?;
    ensure!(ledger.writes().await? == STATUSES, "{:?}", ledger.writes().await?);
    for field in ["revision", "digest", "lastUpdateTime"] {
        ensure!(after["status"]["artifact"][field] == before["status"]["artifact"][field], "{field} changed");
    }
    ensure!(sources.download("config").await?.len() == 1);
    Ok(())
}
