//! A crash inside the controller troubles only the source that it happens to.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::{Origin, Reply, eventually, wait};

use crate::harness::{Controller, SOON, Sources, ensure_status, http_source, testbed};

/// The annotations that make the next run of a source panic at this point.
fn panic_at(point: &str) -> Value {
    json!({"metadata": {"annotations": {
        "fault.source.flux.oddkin.co/panic": point, "reconcile.fluxcd.io/requestedAt": point,
    }}})
}

#[tokio::test]
async fn an_actor_that_panics_is_restarted_and_the_others_do_not_notice() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("crash").await?;
    let origin = Origin::start().await?;
    let controller = Controller::start(&testbed, &namespace).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    for name in ["victim", "bystander"] {
        origin.on(&format!("/{name}.yaml"), Reply::ok("one: 1\n"));
        sources.apply(name, &http_source(&origin.url(&format!("/{name}.yaml")))).await?;
        sources.wait_ready(name).await?;
    }
    // Each crash in a row is followed by a longer rest; the third one leaves seconds for what must not wait for it.
    for point in ["source:1", "source:2"] {
        sources.merge("victim", &panic_at(point)).await?;
        sources.wait_handled("victim", point).await?;
    }
    origin.on("/victim.yaml", Reply::ok("two: 2\n"));
    sources.merge("victim", &panic_at("source:3")).await?;
    eventually("the third crash", SOON, async || restarts(&controller, "source", 3).await).await?;
    sources.request("bystander", "meanwhile").await?;
    sources.wait_handled("bystander", "meanwhile").await?;
    let victim = sources.api.get("victim").await?;
    let handled = victim.status.and_then(|status| status.last_handled_reconcile_at);
    ensure!(
        handled.as_deref() == Some("source:2"),
        "the victim was back before the bystander was handled: {handled:?}"
    );

    sources.wait_handled("victim", "source:3").await?;
    sources.wait_ready("victim").await?;
    ensure!(sources.download("victim").await? == [("victim.yaml".to_owned(), "two: 2\n".to_owned())]);
    let log = controller.process.log()?;
    let crashes: Vec<_> = log.lines().filter(|line| line.contains("an actor crashed")).collect();
    ensure!(crashes.len() == 3 && crashes.iter().all(|line| line.contains("victim")), "{crashes:?}");
    restarts(&controller, "source", 3).await?;
    ensure_status(&format!("http://127.0.0.1:{}/healthz", controller.health), 200).await
}

#[tokio::test]
async fn a_stage_that_panics_is_tried_again_and_other_sources_do_not_notice() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("stages").await?;
    let origin = Origin::start().await?;
    let controller = Controller::start(&testbed, &namespace).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    let stages = [("fetch", "fetcher"), ("package", "packager"), ("store", "storage"), ("publish", "publisher")];
    let names: Vec<_> = stages.iter().map(|(stage, _)| *stage).chain(["bystander"]).collect();
    for name in &names {
        origin.on(&format!("/{name}.yaml"), Reply::ok("one: 1\n"));
        sources.apply(name, &http_source(&origin.url(&format!("/{name}.yaml")))).await?;
    }
    for name in &names {
        sources.wait_ready(name).await?;
        origin.on(&format!("/{name}.yaml"), Reply::ok("two: 2\n"));
    }
    let before = sources.wait_ready("bystander").await?;
    for (stage, _) in stages {
        sources.merge(stage, &panic_at(&format!("{stage}:1"))).await?;
    }
    sources.request("bystander", "meanwhile").await?;
    for name in &names {
        let content = [(format!("{name}.yaml"), "two: 2\n".to_owned())];
        eventually(&format!("{name} to be new"), SOON, async || {
            let files = sources.download(name).await?;
            ensure!(files == content, "{files:?}");
            Ok(())
        })
        .await?;
        sources.wait_ready(name).await?;
    }
    let bystander = sources.wait_handled("bystander", "meanwhile").await?;
    let since = |source: &Value| wait::condition(source, "Ready").map(|ready| ready["lastTransitionTime"].clone());
    ensure!(since(&bystander) == since(&before), "the bystander was not Ready for a while");
    ensure!(origin.requests_for("/bystander.yaml").len() == 2, "the bystander ran again");
    for (stage, pool) in stages {
        ensure!(controller.process.log()?.contains(&format!("fault point {stage:?}")), "{stage} did not panic");
        restarts(&controller, pool, 1).await?;
    }
    ensure_status(&format!("http://127.0.0.1:{}/healthz", controller.health), 200).await
}

/// Checks that so many crashes were counted.
async fn restarts(controller: &Controller, actor: &str, count: usize) -> Result<()> {
    let metrics = controller.scrape().await?;
    let line = format!("externalsource_actor_restarts_total{{actor=\"{actor}\"}} {count}");
    ensure!(metrics.lines().any(|found| found == line), "there is no {line}");
    Ok(())
}
