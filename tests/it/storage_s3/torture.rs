//! Kills at any moment over a bucket.

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::Artifact;
use flux_externalsource::storage::{Scope, Storage as _};
use futures::TryStreamExt as _;
use testbed::s3::Kind;

use super::Scene;
use crate::harness::Options;
use crate::torture::{Vault, kills, torture};

impl Vault for Scene {
    fn options(&self) -> Options {
        Self::options(self)
    }

    async fn read(&self, artifact: &Artifact) -> Result<Vec<u8>> {
        let key = artifact.path.parse()?;
        let (_, content) = self.storage().await?.retrieve(&key, None).await?.context("it is not there")?;
        Ok(content.into_stream().try_collect::<Vec<_>>().await?.concat())
    }

    /// Archives of this size are stored by one request, of which the server keeps all or nothing; `kills` shows uploads.
    async fn unfinished(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn archives(&self) -> Result<usize> {
        let page = self.storage().await?.list(Scope::All, None).await?;
        ensure!(page.next.is_none(), "more than a page");
        Ok(page.entries.len())
    }
}

#[tokio::test]
async fn controllers_that_are_killed_at_any_moment_advertise_nothing_that_is_not_stored() -> Result<()> {
    torture("torture-s3", &Scene::new("torture-bucket", Kind::Minio).await?, kills()).await
}
