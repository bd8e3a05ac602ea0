//! The binary under test, in a cluster of its own namespace, with the account and the rules that it ships with.

#![allow(dead_code, unused_imports)]

mod controller;
mod objects;
mod served;

pub use controller::{Controller, Options};
pub use objects::{Sources, http_source};
pub use served::{ensure_status, ensure_try_again};

use std::time::Duration;

use anyhow::Result;
use testbed::Testbed;

/// Longer than anything takes on a busy machine; nothing waits for it unless something is broken.
pub const SOON: Duration = Duration::from_secs(60);

/// The definitions and rules of this repository, applied once per process.
pub async fn testbed() -> Result<Testbed> {
    static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let testbed = Testbed::shared().await?;
    INSTALLED.get_or_try_init(|| install(&testbed)).await?;
    Ok(testbed)
}

async fn install(testbed: &Testbed) -> Result<()> {
    testbed.flux_crds().await?;
    let root = env!("CARGO_MANIFEST_DIR");
    for file in ["deploy/crds/source.flux.oddkin.co_externalsources.yaml", "deploy/rbac.yaml"] {
        let yaml = std::fs::read_to_string(format!("{root}/{file}"))?;
        let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: flux-system}}";
        testbed.apply_yaml("flux-system", namespace).await?;
        testbed.apply_yaml("flux-system", &yaml).await?;
    }
    Ok(())
}
