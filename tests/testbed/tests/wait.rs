//! A wait that ends without success says what it saw last.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use testbed::eventually;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_check_is_repeated_until_it_holds() -> Result<()> {
    let mut count = 0;
    let third = eventually("three", SHORT * 10, || {
        count += 1;
        async move { if count == 3 { Ok(count) } else { bail!("{count}") } }
    });
    ensure!(third.await? == 3, "what the check gave");
    Ok(())
}

#[tokio::test]
async fn a_timeout_tells_the_last_state() -> Result<()> {
    let never = eventually("the impossible", SHORT, || async { bail!("saw only this") as Result<()> }).await;
    let message = format!("{:#}", never.err().context("it cannot succeed")?);
    ensure!(message.contains("the impossible") && message.contains("saw only this"), "{message}");
    let hung = eventually("an answer", SHORT, std::future::pending::<Result<()>>).await;
    let message = format!("{:#}", hung.err().context("it cannot succeed")?);
    ensure!(message.contains("the check hung"), "{message}");
    Ok(())
}
