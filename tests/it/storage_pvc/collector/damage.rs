//! The rolling check: what it finds is mended before anything is withdrawn.

use std::fs;

use anyhow::{Result, ensure};
use testbed::eventually;

use super::{Scene, value, wait_until_gone, whole_round};
use crate::harness::{SOON, events};
use crate::storage_pvc::path;

#[tokio::test]
async fn damage_that_nobody_asked_about_is_found_and_mended() -> Result<()> {
    let scene = Scene::new("rolling").await?;
    let controller = scene.start_with(scene.collecting().with("STORAGE_VERIFY_PERIOD", "1ms")).await?;
    let mut before = Vec::new();
    for name in ["damaged", "missing", "sound"] {
        scene.create(name, name).await?;
        scene.sources.wait_ready(name).await?;
        before.push(scene.sources.artifacts.get(name).await?);
    }
    let damaged = scene.file("damaged").await?;
    let length = usize::try_from(fs::metadata(&damaged)?.len())?;
    // Of the right length: only its digest tells.
    fs::write(&damaged, vec![0; length])?;
    fs::remove_file(scene.file("missing").await?)?;
    for name in ["damaged", "missing"] {
        let mended = async || scene.ensure_served(name, name).await;
        eventually("the archive to be mended", SOON, mended).await?;
        scene.origin.wait_for_requests(&path(name), 2, SOON).await?;
    }
    whole_round(&controller, "done").await?;
    ensure!(scene.ensure_sound()? == 3, "something else is stored");
    for (name, before) in ["damaged", "missing", "sound"].into_iter().zip(before) {
        ensure!(scene.sources.artifacts.get(name).await? == before, "the ExternalArtifact of {name} was touched");
        // One that was read before it was mended, and reported after that, is asked for once more.
        let requests = scene.origin.requests_for(&path(name));
        let fetched = requests.iter().filter(|request| request.header("if-none-match").is_none()).count();
        ensure!(fetched == if name == "sound" { 1 } else { 2 }, "{name} was fetched {fetched} times");
        let told = events(&scene.testbed, &scene.sources.namespace, name).await?;
        let is_told = told.iter().any(|(_, _, note)| note.contains(&format!("is {name}; it is made anew")));
        ensure!(is_told == (name != "sound"), "{name}: {told:?}");
    }
    ensure!(value(&controller, "externalsource_storage_verified_total{outcome=\"damaged\"}").await? == 1);
    ensure!(value(&controller, "externalsource_storage_verified_total{outcome=\"missing\"}").await? >= 1);
    Ok(())
}

#[tokio::test]
async fn a_damaged_old_revision_is_removed_and_the_sound_one_stays() -> Result<()> {
    let scene = Scene::new("revisions").await?;
    let options = scene.collecting().with("STORAGE_VERIFY_PERIOD", "1ms").with("ARTIFACT_RETENTION_RECORDS", "3");
    let controller = scene.start_with(options).await?;
    let mut old = Vec::new();
    for value in ["1", "2", "3"] {
        scene.create("config", value).await?;
        scene.sources.request("config", value).await?;
        scene.sources.wait_handled("config", value).await?;
        scene.sources.wait_ready("config").await?;
        old.push(scene.file("config").await?);
    }
    fs::write(&old[0], "something else")?;
    wait_until_gone(&old[0]).await?;
    whole_round(&controller, "done").await?;
    ensure!(old[1].exists() && old[2].exists(), "a sound one was removed");
    scene.ensure_served("config", "3").await?;
    ensure!(scene.origin.requests_for(&path("config")).len() <= 4, "it was fetched again");
    Ok(())
}
