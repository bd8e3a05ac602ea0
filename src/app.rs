//! Wiring.

use std::process::ExitCode;

use crate::config::{ControllerSettings, LocalSettings, RenderSettings};

/// Runs the controller.
#[allow(clippy::unused_async)]
pub async fn controller(_: ControllerSettings) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}

/// Runs without a cluster.
#[allow(clippy::unused_async)]
pub async fn local(_: LocalSettings) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}

/// Runs one source once.
#[allow(clippy::unused_async)]
pub async fn render(_: RenderSettings) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}

/// Prints the custom resource definition.
#[allow(clippy::unused_async)]
pub async fn crd() -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
