//! The garbage collector over a volume: what it removes, and what it must not.

mod damage;
mod kills;
mod others;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::Value;
use testbed::{archive, eventually};

use super::Scene;
use crate::harness::{Options, SOON, value, whole_round};

impl Scene {
    /// Rounds without a rest, for which any age is old enough.
    fn collecting(&self) -> Options {
        self.options().with("STORAGE_COLLECT_INTERVAL", "200ms").with("STORAGE_STALE_AFTER", "0s")
    }

    /// Puts an archive of a source on the volume that does not exist.
    fn put(&self, namespace: &str, name: &str, content: &str) -> Result<PathBuf> {
        let digest = archive::digest(content.as_bytes());
        let file = format!("{}.tar.gz", digest.trim_start_matches("sha256:"));
        let folder = self.volume.path().join("artifacts").join(namespace).join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(&file), content)?;
        Ok(folder.join(file))
    }

    /// The file of what this source advertises.
    async fn file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.volume.path().join(self.sources.advertised(name).await?.path))
    }

    async fn delete(&self, name: &str, policy: PropagationPolicy) -> Result<()> {
        let params = DeleteParams { propagation_policy: Some(policy), ..DeleteParams::default() };
        self.sources.api.delete(name, &params).await?;
        self.sources.wait(name, "be gone", Value::is_null).await.map(drop)
    }

    /// Deletes a source and waits until its ExternalArtifact has followed.
    async fn delete_all(&self, name: &str) -> Result<()> {
        self.delete(name, PropagationPolicy::Background).await?;
        self.sources.wait_artifact(name, "be gone", Value::is_null).await.map(drop)
    }
}

async fn wait_until_gone(file: &Path) -> Result<()> {
    eventually("the file to be gone", SOON, async || {
        ensure!(!file.exists(), "{} is there", file.display());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_went_while_nobody_watched_is_removed_and_all_else_is_served_on() -> Result<()> {
    let scene = Scene::new("collected").await?;
    let controller = scene.start().await?;
    for name in ["gone", "stays"] {
        scene.create(name, name).await?;
        scene.sources.wait_ready(name).await?;
    }
    let gone = scene.file("gone").await?;
    controller.process.kill().await?;
    scene.delete_all("gone").await?;
    ensure!(gone.exists(), "nobody was there to remove it");

    let controller = scene.start_with(scene.collecting()).await?;
    // What a store leaves that never ends, and something of somebody else's.
    let unfinished = scene.volume.path().join(".flux-externalsource/unfinished/of-a-dead-process");
    fs::write(&unfinished, "half an archive")?;
    let foreign = gone.with_file_name("README");
    fs::create_dir_all(foreign.parent().context("a folder")?)?;
    fs::write(&foreign, "do not touch")?;
    wait_until_gone(&gone).await?;
    wait_until_gone(&unfinished).await?;
    whole_round(&controller, "done").await?;
    ensure!(foreign.exists(), "what is not ours was removed");
    fs::remove_file(&foreign)?;
    scene.ensure_served("stays", "stays").await?;
    ensure!(scene.ensure_sound()? == 1, "something else is stored");
    ensure!(value(&controller, "externalsource_storage_collected_total{why=\"orphan\"}").await? == 1);
    ensure!(value(&controller, "externalsource_storage_archives").await? == 1);
    Ok(())
}

#[tokio::test]
async fn what_is_not_old_enough_stays() -> Result<()> {
    let scene = Scene::new("young").await?;
    let young = scene.put(&scene.sources.namespace, "gone", "young")?;
    let old = scene.put(&scene.sources.namespace, "gone", "old")?;
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    fs::File::options().write(true).open(&old)?.set_modified(hours_ago)?;
    let controller = scene.start_with(scene.options().with("STORAGE_COLLECT_INTERVAL", "200ms")).await?;
    wait_until_gone(&old).await?;
    whole_round(&controller, "done").await?;
    ensure!(young.exists(), "it was removed within its first hour");
    Ok(())
}

#[tokio::test]
async fn what_an_external_artifact_names_outlives_its_source() -> Result<()> {
    let scene = Scene::new("named").await?;
    let controller = scene.start_with(scene.collecting()).await?;
    for name in ["kept", "gone"] {
        scene.create(name, name).await?;
        scene.sources.wait_ready(name).await?;
    }
    let (kept, gone) = (scene.file("kept").await?, scene.file("gone").await?);
    scene.delete("kept", PropagationPolicy::Orphan).await?;
    scene.delete_all("gone").await?;
    // The later one is gone, so that the earlier event was handled.
    wait_until_gone(&gone).await?;
    whole_round(&controller, "done").await?;
    scene.ensure_served("kept", "kept").await?;
    controller.process.kill().await?;

    let witness = scene.put(&scene.sources.namespace, "gone", "gone")?;
    let controller = scene.start_with(scene.collecting()).await?;
    wait_until_gone(&witness).await?;
    whole_round(&controller, "done").await?;
    scene.ensure_served("kept", "kept").await?;
    scene.sources.artifacts.delete("kept", &DeleteParams::default()).await?;
    wait_until_gone(&kept).await
}
