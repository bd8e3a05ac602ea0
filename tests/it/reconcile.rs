//! One source from its creation to its deletion.

use anyhow::{Result, ensure};
use testbed::{Origin, Reply};

use crate::harness::{Controller, Sources, http_source, testbed};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deployed}\ndata: {key: one}\n";

#[tokio::test]
async fn a_source_becomes_ready_and_its_artifact_is_what_the_origin_said() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("ready").await?;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(MAP).etag("\"v1\""));
    let _controller = Controller::start(&testbed, &namespace).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("config", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("config").await?;
    ensure!(sources.download("config").await? == [("map.yaml".to_owned(), MAP.to_owned())]);
    Ok(())
}
