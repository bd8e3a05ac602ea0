//! A version that compresses otherwise leaves alone what an earlier one stored.

use std::fs;
use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result, ensure};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use flux_externalsource::api::Artifact;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testbed::{Filter, Reply, archive};

use super::{Scene, path};
use crate::harness::config_map;

#[tokio::test]
async fn an_archive_with_other_bytes_of_the_same_content_stays() -> Result<()> {
    let scene = Scene::new("upgrade").await?;
    let controller = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let before = scene.ensure_served("config", "x").await?;
    controller.process.kill().await?;
    let older = scene.turn_back("config", &before).await?;
    ensure!(older.digest != before.digest && older.revision == before.revision, "{older:?}");
    let since = scene.testbed.audit_log().await?.position().await?;

    let controller = scene.start().await?;
    for token in ["first", "second"] {
        // Asked conditionally, the origin gives the same content anew.
        scene.origin.on(&path("config"), Reply::ok(config_map("x")).etag(&format!("\"{token}\"")));
        scene.sources.request("config", token).await?;
        scene.sources.wait_handled("config", token).await?;
        ensure!(scene.ensure_served("config", "x").await? == older, "it was replaced");
    }
    let artifacts = Filter::all().user(&controller.user).namespace(&scene.sources.namespace);
    let writes = scene.testbed.audit_log().await?.writes(since, &artifacts.resource("externalartifacts")).await?;
    ensure!(writes.is_empty(), "{writes:#?}");
    ensure!(scene.ensure_sound()? == 1, "something else is stored");

    scene.say("config", "y");
    scene.sources.request("config", "third").await?;
    scene.sources.wait_handled("config", "third").await?;
    let newer = scene.ensure_served("config", "y").await?;
    ensure!(newer.revision != older.revision, "{newer:?}");
    Ok(())
}

impl Scene {
    /// Makes of an archive and of what is said about it what another compressor would have made of it.
    async fn turn_back(&self, name: &str, now: &Artifact) -> Result<Artifact> {
        let mut tar = Vec::new();
        let file = self.volume.path().join(&now.path);
        GzDecoder::new(fs::File::open(&file)?).read_to_end(&mut tar)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&tar)?;
        let bytes = encoder.finish()?;
        let digest = archive::digest(&bytes);
        let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
        let renamed = |text: &str| text.replace(&hex(&now.digest), &hex(&digest));
        let artifact = Artifact {
            path: renamed(&now.path),
            url: renamed(&now.url),
            size: Some(i64::try_from(bytes.len())?),
            digest: digest.clone(),
            ..now.clone()
        };
        fs::write(self.volume.path().join(&artifact.path), bytes)?;
        fs::remove_file(&file).context("the archive is gone")?;
        let (params, said) = (PatchParams::default(), json!({"status": {"artifact": artifact}}));
        self.sources.artifacts.patch_status(name, &params, &Patch::Merge(&said)).await?;
        self.sources.api.patch_status(name, &params, &Patch::Merge(&said)).await?;
        Ok(artifact)
    }
}
