//! The binary under test, in a cluster of its own namespace, with the account and the rules that it ships with.

#![allow(dead_code, unused_imports)]

mod bucket;
mod command;
mod controller;
mod ledger;
mod objects;
mod rounds;
mod scene;
mod served;

pub use bucket::in_bucket;
pub use command::{BINARY, Ran, bare, finish, run, run_with};
pub use controller::{Controller, Options};
pub use ledger::{Ledger, events, wait_events};
pub use objects::{Sources, config_map, every, files, http_source};
pub use rounds::{value, whole_round};
pub use scene::Scene;
pub use served::{ensure_status, ensure_try_again};

use std::time::Duration;

use anyhow::Result;
use testbed::Testbed;

/// The manifest of our own kind.
pub const DEFINITION: &str = "deploy/crds/source.flux.oddkin.co_externalsources.yaml";

/// Longer than anything takes on a busy machine; nothing waits for it unless something is broken.
pub const SOON: Duration = Duration::from_secs(60);

/// The definitions and rules of this repository, applied once per process.
pub async fn testbed() -> Result<Testbed> {
    static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let testbed = Testbed::shared().await?;
    INSTALLED.get_or_try_init(|| install(&testbed)).await?;
    Ok(testbed)
}

/// Brings the definitions and rules of this repository into a cluster.
pub async fn install(testbed: &Testbed) -> Result<()> {
    testbed.flux_crds().await?;
    testbed.apply_yaml("flux-system", "{apiVersion: v1, kind: Namespace, metadata: {name: flux-system}}").await?;
    for file in [DEFINITION, "deploy/rbac.yaml"] {
        testbed.apply_yaml("flux-system", &manifest(file)?).await?;
    }
    Ok(())
}

/// A manifest of this repository.
pub fn manifest(file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR")))?)
}
