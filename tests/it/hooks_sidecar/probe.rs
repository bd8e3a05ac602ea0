//! What the controller tells about the sidecar.

use std::fs;
use std::sync::Arc;

use anyhow::{Result, ensure};
use flux_externalsource::app::executor::probe;
use flux_externalsource::telemetry::outages::Outages;

use super::sidecar::{Sidecar, WHITELIST};
use crate::harness::SOON;

#[tokio::test]
async fn a_broken_whitelist_and_an_absent_sidecar_are_told_to_who_asks() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let outages = Arc::new(Outages::default());
    let probe = probe(Arc::new(sidecar.remote()), Arc::clone(&outages));
    ensure!(probe().await.is_none() && outages.all().is_empty(), "{:?}", outages.all());
    fs::write(&sidecar.whitelist, "commands: [")?;
    sidecar.process.until_logged("the old rules stay in force", SOON).await?;
    let problem = probe().await.unwrap_or_default();
    ensure!(problem.contains("the old rules stay in force"), "{problem}");
    sidecar.process.kill().await?;
    ensure!(probe().await.is_none());
    let away = outages.all();
    ensure!(away.len() == 1 && away[0].0 == "hook-executor" && away[0].1.contains("hooks.sock"), "{away:?}");
    Ok(())
}
