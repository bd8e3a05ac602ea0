//! Large documents pass through, and are held by nobody.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use flux_externalsource::digest::Digest;
use flux_externalsource::hooks::Executor as _;
use flux_externalsource::sandbox::Exit;

use super::sidecar::{Sidecar, WHITELIST, command, script, spools};

const SIZE: usize = 100 * 1024 * 1024;

/// What buffers, a spawned process and an allocator that keeps pages take; a tenth of a document.
const GROWTH: u64 = 10 * 1024 * 1024;

#[tokio::test]
async fn a_hundred_megabytes_pass_through_without_being_held() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let spools = spools();
    let mut writer = spools.writer();
    let chunk: Vec<u8> = (0..1_048_576_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..SIZE / chunk.len() {
        writer.write(&chunk).await?;
    }
    let document = writer.finish().await?;
    ensure!(document.in_memory().is_none(), "the document is in memory");
    // Once, so that what is allocated once counts for neither.
    sidecar.remote().run(&command("cat", &[]), &Default::default_input(), &spools).await?;
    Ok(())
}
