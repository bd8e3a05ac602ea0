//! Large documents pass through, and are held by nobody.

use anyhow::{Result, ensure};
use flux_externalsource::hooks::Executor as _;
use flux_externalsource::spool::Spool;

use super::sidecar::{Sidecar, WHITELIST, command, input, spools};

const SIZE: usize = 100 * 1024 * 1024;

/// What buffers and an allocator that keeps pages take: a fraction of a document, and of what one more copy would be.
const GROWTH: u64 = 16 * 1024 * 1024;

async fn document() -> Result<Spool> {
    let mut writer = spools().writer();
    let chunk: Vec<u8> = (0..1_048_576_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..SIZE / chunk.len() {
        writer.write(&chunk).await?;
    }
    Ok(writer.finish().await?)
}

#[tokio::test]
async fn a_hundred_megabytes_pass_through_without_being_held() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let (remote, spools, cat, document) = (sidecar.remote(), spools(), command("cat", &[]), document().await?);
    ensure!(document.in_memory().is_none(), "the document is held by this test");
    // What the first command of all takes, of which code that was never run before is most.
    remote.run(&cat, &input("x"), &spools).await?;
    let before = sidecar.peak_memory()?;
    let output = remote.run(&cat, &document, &spools).await?;
    let most = sidecar.peak_memory()?;
    ensure!((output.len(), output.digest()) == (document.len(), document.digest()), "{} bytes came back", output.len());
    ensure!(most < before + GROWTH, "from {before} to {most} bytes");
    Ok(())
}
