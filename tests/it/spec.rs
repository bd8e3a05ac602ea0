//! Changes of the spec, what the status says about them, and how `kubectl` shows it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;
use testbed::wait::condition;

use crate::harness::{SOON, Scene, config_map, every, http_source, wait_events};

#[tokio::test]
async fn a_changed_spec_is_used_at_once_although_the_etag_is_the_same() -> Result<()> {
    let scene = Scene::start("spec-change").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/one.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    origin.on("/two.yaml", Reply::ok(config_map("two")).etag("\"v1\""));
    sources.apply("config", &http_source(&origin.url("/one.yaml"))).await?;
    sources.wait_ready("config").await?;

    let mut spec = http_source(&origin.url("/two.yaml"));
    sources.apply("config", &spec).await?;
    sources.wait_ready("config").await?;
    ensure!(sources.download("config").await? == [("two.yaml".to_owned(), config_map("two"))]);

    spec["destinationPath"] = "folder/three.yaml".into();
    sources.apply("config", &spec).await?;
    let source = sources.wait_ready("config").await?;
    ensure!(sources.download("config").await? == [("folder/three.yaml".to_owned(), config_map("two"))]);
    ensure!(origin.requests().iter().all(|request| request.header("if-none-match").is_none()));
    ensure!(origin.requests().len() == 3);
    ensure!(source["status"]["artifact"]["observedGeneration"] == source["metadata"]["generation"]);
    Ok(())
}

#[tokio::test]
async fn a_run_that_lasts_says_so_and_until_its_end_the_status_speaks_of_the_old_generation() -> Result<()> {
    let scene = Scene::start("spec-long").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    origin.on("/slow.yaml", Reply::hang());
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let before = sources.wait_ready("config").await?;

    let changed = sources.apply("config", &http_source(&origin.url("/slow.yaml"))).await?;
    ensure!(changed.metadata.generation == Some(2));
    let is_true = |source: &Value, kind: &str| condition(source, kind).is_some_and(|it| it["status"] == "True");
    let during = sources.wait("config", "report progress", |source| is_true(source, "Fetching")).await?;
    ensure!(is_true(&during, "Reconciling") && condition(&during, "Stalled").is_none(), "{during}");
    ensure!(during["status"]["observedGeneration"] == 1);
    ensure!(condition(&during, "Ready") == condition(&before, "Ready"));
    ensure!(during["status"]["artifact"] == before["status"]["artifact"]);

    // A newer spec gives up the run that hangs.
    sources.merge("config", &json!({"spec": {"generator": {"http": {"url": origin.url("/map.yaml")}}}})).await?;
    let after = sources.wait_ready("config").await?;
    ensure!(after["status"]["observedGeneration"] == 3);
    let conditions = after["status"]["conditions"].as_array().context("no conditions")?;
    ensure!(conditions.len() == 1 && conditions[0]["observedGeneration"] == 3, "{conditions:?}");
    Ok(())
}

#[tokio::test]
async fn an_interval_below_the_minimum_is_raised_and_said_once() -> Result<()> {
    let scene = Scene::start("spec-interval").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    sources.apply("config", &every("10ms", &origin.url("/map.yaml"))).await?;
    let source = sources.wait_ready("config").await?;
    let message = condition(&source, "Ready").and_then(|ready| ready["message"].as_str()).unwrap_or_default();
    ensure!(message.contains("interval 10ms is raised to 1s"), "{message}");
    let requests = origin.wait_for_requests("/map.yaml", 4, SOON).await?;
    for pair in requests.windows(2) {
        let pause = pair[1].at.duration_since(pair[0].at)?;
        ensure!(pause >= Duration::from_millis(900), "two requests within {pause:?}");
    }
    let told = wait_events(&scene, "config", "IntervalRaised", 2).await?;
    let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    ensure!(kinds == ["ExternalArtifact", "ExternalSource"], "{told:?}");
    ensure!(told[1].1.contains("spec.interval 10ms"), "{told:?}");
    Ok(())
}

async fn kubectl(scene: &Scene, arguments: &[&str]) -> Result<String> {
    let output = tokio::process::Command::new(testbed::tools::kubectl().await?)
        .arg(format!("--kubeconfig={}", scene.testbed.kubeconfig().display()))
        .arg(format!("--namespace={}", scene.sources.namespace))
        .args(arguments)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "kubectl {arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

#[tokio::test]
async fn kubectl_waits_for_a_source_and_prints_its_columns() -> Result<()> {
    let scene = Scene::start("spec-kubectl").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")).delay(Duration::from_millis(300)));
    let url = origin.url("/map.yaml");
    sources.apply("config", &http_source(&url)).await?;
    let waited = kubectl(&scene, &["wait", "--for=condition=Ready", "extsrc/config", "--timeout=60s"]).await?;
    ensure!(waited.contains("condition met"), "{waited}");

    let table = kubectl(&scene, &["get", "extsrc"]).await?;
    let heading: Vec<_> = table.lines().next().unwrap_or_default().split_whitespace().collect();
    ensure!(heading == ["NAME", "URL", "READY", "STATUS", "REVISION", "AGE", "SUSPENDED"], "{table}");
    let revision = sources.wait_ready("config").await?["status"]["artifact"]["revision"].clone();
    let row = table.lines().nth(1).unwrap_or_default();
    for cell in ["config ", &url, " True ", "stored artifact for revision", revision.as_str().unwrap_or("?")] {
        ensure!(row.contains(cell), "{cell:?} is not in {row:?}");
    }
    let category = kubectl(&scene, &["get", "fluxcd-sources", "-o", "name"]).await?;
    ensure!(category.contains("externalsource.source.flux.oddkin.co/config"), "{category}");
    Ok(())
}
