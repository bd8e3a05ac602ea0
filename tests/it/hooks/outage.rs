//! A sidecar that is away, comes back, or hangs: never a matter of any other source.

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::{Reply, eventually, free_port};

use super::bed::{Bed, WHITELIST, hook, message, script, with, with_policy};
use crate::harness::{Options, SOON, Scene, config_map, every};
use crate::hooks_sidecar::sidecar::{Place, until_ready};

async fn readiness(scene: &Scene) -> Result<(u16, String)> {
    let answer = reqwest::get(format!("http://127.0.0.1:{}/readyz", scene.controller.health)).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

const AVAILABLE: &str = "externalsource_dependency_available{dependency=\"hook-executor\"}";

#[tokio::test]
async fn sources_with_hooks_wait_for_a_sidecar_and_no_others_do() -> Result<()> {
    let place = Place::new(WHITELIST)?;
    let endpoint = format!("unix://{}", place.socket().display());
    let scene = Scene::start_with("hooks-outage", Options::default().with("HOOK_EXECUTOR_ENDPOINT", endpoint)).await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    let url = origin.url("/map.yaml");
    sources.apply("hooked", &with(&url, &json!({"hooks": {"postRequest": [hook("cat", "cat", &[])]}}))).await?;
    sources.apply("transformed", &with(&url, &json!({"transform": [{"jq": "."}], "output": "yaml"}))).await?;
    sources.apply("plain", &every("1s", &url)).await?;
    sources.wait_ready("plain").await?;
    for name in ["hooked", "transformed"] {
        let failed = sources.wait_failed(name, "HooksUnavailable").await?;
        ensure!(message(&failed).starts_with("the hook executor is unavailable: "), "{}", message(&failed));
    }
    let (status, text) = readiness(&scene).await?;
    ensure!(status == 200 && text.contains("[!]hook-executor the hook executor is unavailable: "), "{text}");
    let metrics = scene.controller.scrape().await?;
    ensure!(metrics.contains(&format!("{AVAILABLE} 0")), "{metrics}");

    let process = place.spawn()?;
    until_ready(&process, &place.socket()).await?;
    for name in ["hooked", "transformed"] {
        sources.wait_ready(name).await?;
    }
    let (status, text) = readiness(&scene).await?;
    ensure!(status == 200 && !text.contains("hook-executor"), "{text}");
    let metrics = scene.controller.scrape().await?;
    ensure!(metrics.contains(&format!("{AVAILABLE} 1")), "{metrics}");

    process.kill().await?;
    sources.request("hooked", "while-away").await?;
    let failed = sources.wait_failed("hooked", "HooksUnavailable").await?;
    ensure!(!failed["status"]["artifact"].is_null(), "the last good artifact stays");
    let process = place.spawn()?;
    sources.wait_ready("hooked").await?;
    process.kill().await?;
    Ok(())
}

#[tokio::test]
async fn a_sidecar_that_hangs_does_not_make_the_controller_unready_and_holds_up_nobody_else() -> Result<()> {
    // Accepts, and says nothing.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", free_port()?)).await?;
    let endpoint = format!("http://localhost:{}", listener.local_addr()?.port());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    let options = Options::default().with("HOOK_EXECUTOR_ENDPOINT", endpoint).with("HOOK_CONCURRENT", "2");
    let scene = Scene::start_with("hooks-hang", options).await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    let url = origin.url("/map.yaml");
    for (i, policy) in ["fail", "ignore", "ignore", "retry"].into_iter().enumerate() {
        let hook = with_policy(hook("cat", "cat", &[]), policy);
        sources.apply(&format!("hooked-{i}"), &with(&url, &json!({"hooks": {"postRequest": [hook]}}))).await?;
    }
    origin.wait_for_requests("/map.yaml", 4, SOON).await?;
    sources.apply("plain", &with(&url, &json!({}))).await?;
    sources.wait_ready("plain").await?;
    // A kubelet waits one second: it is the probe itself that gives up on the sidecar, which would never answer.
    let (status, text) = readiness(&scene).await?;
    ensure!(status == 200 && text.contains("it does not answer in time"), "{text}");
    silent.abort();
    for i in 0..4 {
        let failed = sources.wait_failed(&format!("hooked-{i}"), "HooksUnavailable").await?;
        ensure!(failed["status"]["artifact"].is_null(), "what no hook has seen is published: {failed}");
    }
    Ok(())
}

#[tokio::test]
async fn a_sidecar_that_breaks_off_in_the_middle_is_asked_again() -> Result<()> {
    let bed = Bed::start("hooks-broken-off").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/data", Reply::ok("data"));
    // Runs until its sidecar is killed.
    let spec = with(&origin.url("/data"), &json!({"hooks": {"postRequest": [script("long", "cat; sleep 600")]}}));
    sources.apply("config", &spec).await?;
    eventually("the hook runs", SOON, async || {
        let metrics = bed.scene.controller.scrape().await?;
        ensure!(metrics.contains("externalsource_hook_executor_running 1"), "{metrics}");
        Ok(())
    })
    .await?;
    bed.sidecar.process.kill().await?;
    sources.wait_failed("config", "HooksUnavailable").await?;
    Ok(())
}
