//! The testbed by hand: `build` builds its programs beforehand, `up` keeps a cluster running for kubectl or a debugger.

use std::io::{Write, stdout};

use anyhow::{Result, bail};
use testbed::{Testbed, tools};

const USAGE: &str = "usage: testbed build   builds the programs that tests need, if they are not there yet
       testbed up      runs a cluster with Flux's controllers until Ctrl-C";

#[tokio::main]
async fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("build") => tools::build_all().await,
        Some("up") => up().await,
        _ => bail!(USAGE),
    }
}

async fn up() -> Result<()> {
    let testbed = Testbed::start().await?;
    testbed.kustomize_controller().await?;
    testbed.helm_controller().await?;
    let kubectl = tools::kubectl().await?;
    writeln!(stdout(), "export KUBECONFIG={}", testbed.kubeconfig().display())?;
    writeln!(stdout(), "alias kubectl={}", kubectl.display())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
