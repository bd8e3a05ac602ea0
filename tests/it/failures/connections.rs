//! Origins that cannot be reached, or must not be trusted. What an edit of the URL leads to is mended by another.

use anyhow::{Context as _, Result, ensure};
use testbed::origin::Certificate;
use testbed::{Origin, Reply};

use super::expect::{Good, Told, healed};
use crate::harness::{Scene, config_map, http_source};

/// A source that is Ready, moved to another URL; it fails there, keeps what it had and heals when it is moved back.
async fn moved_to(scene: &Scene, name: &str, url: &str, told: Told) -> Result<()> {
    let (sources, origin) = (&scene.sources, &scene.origin);
    let good_url = origin.url(&format!("/{name}.yaml"));
    origin.on(&format!("/{name}.yaml"), Reply::ok(config_map("one")));
    sources.apply(name, &http_source(&good_url)).await?;
    let good = Good::of(sources, name).await?;
    sources.apply(name, &http_source(url)).await?;
    good.kept(sources, told).await?;
    origin.on(&format!("/{name}.yaml"), Reply::ok(config_map("healed")));
    sources.apply(name, &http_source(&good_url)).await?;
    sources.wait_ready(name).await?;
    healed(sources, name).await
}

#[tokio::test]
async fn an_unknown_host_and_untrusted_certificates_leave_the_good_artifact() -> Result<()> {
    let scene = Scene::start("connections").await?;
    let unknown = Origin::start_tls(Certificate::default()).await?;
    unknown.on("/map.yaml", Reply::ok(config_map("two")));
    let untrusted = unknown.url("/map.yaml");
    let authority = Told { reason: "FetchFailed", says: "the server's certificate" };
    let resolve = Told { reason: "FetchFailed", says: "the host's name could not be resolved" };
    tokio::try_join!(
        moved_to(&scene, "host", "http://origin.invalid/map.yaml", resolve),
        moved_to(&scene, "authority", &untrusted, authority),
    )?;
    ensure!(unknown.requests().is_empty(), "nothing is sent to whom we do not trust");
    Ok(())
}

#[tokio::test]
async fn an_origin_that_is_down_leaves_the_good_artifact_and_is_found_when_it_is_up_again() -> Result<()> {
    let scene = Scene::start("refused-connection").await?;
    let sources = &scene.sources;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    let good = Good::of(sources, "config").await?;
    let address = origin.stop().await;
    sources.request("config", "down").await?;
    good.kept(sources, Told { reason: "FetchFailed", says: "refused" }).await?;
    let origin = Origin::start_at(address).await.context("somebody else took the port")?;
    origin.on("/map.yaml", Reply::ok(config_map("healed")));
    healed(sources, "config").await
}
