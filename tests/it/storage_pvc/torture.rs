//! Kills at any moment over a volume.

use std::fs;

use anyhow::Result;
use flux_externalsource::api::Artifact;
use tempfile::TempDir;

use super::files_below;
use crate::harness::Options;
use crate::torture::{Vault, kills, torture};

struct Volume(TempDir);

impl Vault for Volume {
    fn options(&self) -> Options {
        let path = self.0.path().display().to_string();
        Options::default().with("STORAGE_BACKEND", "pvc").with("PVC_STORAGE_PATH", path)
    }

    async fn read(&self, artifact: &Artifact) -> Result<Vec<u8>> {
        Ok(fs::read(self.0.path().join(&artifact.path))?)
    }

    async fn unfinished(&self) -> Result<Vec<String>> {
        let files = files_below(&self.0.path().join(".flux-externalsource/unfinished"))?;
        Ok(files.iter().map(|path| path.display().to_string()).collect())
    }

    async fn archives(&self) -> Result<usize> {
        Ok(files_below(&self.0.path().join("artifacts"))?.len())
    }
}

#[tokio::test]
async fn controllers_that_are_killed_at_any_moment_advertise_nothing_that_is_not_stored() -> Result<()> {
    torture("torture", &Volume(tempfile::tempdir()?), kills()).await
}
