//! What a controller's metrics say about its garbage collector.

use anyhow::{Result, ensure};
use testbed::eventually;

use super::{Controller, SOON};

const ROUNDS: &str = "externalsource_storage_collector_rounds_total";

/// The value of a series of a controller.
pub async fn value(controller: &Controller, series: &str) -> Result<u64> {
    let text = controller.scrape().await?;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    Ok(line.unwrap_or("0").trim().parse()?)
}

/// Waits until a whole round that began after this call has ended like this.
pub async fn whole_round(controller: &Controller, outcome: &str) -> Result<()> {
    let series = format!("{ROUNDS}{{outcome=\"{outcome}\"}}");
    let before = value(controller, &series).await?;
    eventually("two more rounds", SOON, async || {
        let now = value(controller, &series).await?;
        ensure!(now >= before + 2, "{} rounds", now - before);
        Ok(())
    })
    .await
}
