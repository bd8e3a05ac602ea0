//! The whitelist changes while the sidecar runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Result, ensure};
use flux_externalsource::hooks::{Executor as _, ExecutorError};
use testbed::eventually;

use super::sidecar::{Place, Sidecar, WHITELIST, command, input, spools};
use crate::harness::SOON;

const CAT: &str = "commands: {cat: {allowed: true}}\n";
const HEAD: &str = "commands: {head: {allowed: true}}\n";

async fn is_allowed(sidecar: &Sidecar, name: &str) -> Result<bool> {
    match sidecar.remote().run(&command(name, &[]), &input("x"), &spools()).await {
        Ok(_) => Ok(true),
        Err(ExecutorError::NotAllowed(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn until_allowed(sidecar: &Sidecar, name: &str) -> Result<()> {
    eventually("the new rules", SOON, async || {
        ensure!(is_allowed(sidecar, name).await?, "{name} is not allowed");
        Ok(())
    })
    .await
}

/// Lays a version of a ConfigMap as the kubelet does: a folder, and a link to it that is replaced at once.
fn publish(volume: &Path, version: &str, whitelist: &str) -> Result<()> {
    let folder = volume.join(version);
    fs::create_dir(&folder)?;
    fs::write(folder.join("whitelist.yaml"), whitelist)?;
    symlink(version, volume.join("..data_tmp"))?;
    let before = fs::read_link(volume.join("..data")).ok();
    fs::rename(volume.join("..data_tmp"), volume.join("..data"))?;
    if let Some(before) = before {
        fs::remove_dir_all(volume.join(before))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_config_maps_update_is_taken_up_and_a_broken_one_is_not() -> Result<()> {
    let place = Place::new("")?;
    let volume = place.path("etc");
    fs::remove_file(volume.join("whitelist.yaml"))?;
    publish(&volume, "..2026_1", CAT)?;
    symlink("..data/whitelist.yaml", volume.join("whitelist.yaml"))?;
    let sidecar = place.start().await?;
    ensure!(is_allowed(&sidecar, "cat").await? && !is_allowed(&sidecar, "head").await?, "not the first rules");

    publish(&volume, "..2026_2", HEAD)?;
    until_allowed(&sidecar, "head").await?;
    ensure!(!is_allowed(&sidecar, "cat").await?, "the first rules are still there");

    publish(&volume, "..2026_3", "commands: {cat: {allowed: true, argumentPatterns: ['(']}}\n")?;
    let told = eventually("the problem to be told", SOON, async || {
        let problem = sidecar.remote().health().await?;
        problem.ok_or_else(|| anyhow::anyhow!("nothing is wrong"))
    })
    .await?;
    for said in ["whitelist.yaml", "\"cat\" argumentPatterns[0]", "the old rules stay in force"] {
        ensure!(told.contains(said), "{told}");
    }
    ensure!(sidecar.process.log()?.contains("the old rules stay in force"), "{}", sidecar.process.log_tail());
    ensure!(is_allowed(&sidecar, "head").await? && !is_allowed(&sidecar, "cat").await?, "the old rules are gone");

    publish(&volume, "..2026_4", CAT)?;
    until_allowed(&sidecar, "cat").await?;
    ensure!(sidecar.remote().health().await?.is_none(), "it is well again");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_written_replaced_or_removed_is_noticed() -> Result<()> {
    let sidecar = Sidecar::start(CAT).await?;
    fs::write(&sidecar.whitelist, HEAD)?;
    until_allowed(&sidecar, "head").await?;
    let other = sidecar.whitelist.with_extension("new");
    fs::write(&other, CAT)?;
    fs::rename(&other, &sidecar.whitelist)?;
    until_allowed(&sidecar, "cat").await?;
    fs::remove_file(&sidecar.whitelist)?;
    sidecar.process.until_logged("the old rules stay in force", SOON).await?;
    ensure!(is_allowed(&sidecar, "cat").await?, "the old rules are gone");
    fs::write(&sidecar.whitelist, HEAD)?;
    until_allowed(&sidecar, "head").await
}

#[tokio::test]
async fn without_a_usable_file_nothing_is_allowed_until_there_is_one() -> Result<()> {
    for whitelist in [None, Some("commands: {cat: {allowed: true}"), Some("command: {cat: {allowed: true}}")] {
        let place = Place::new(whitelist.unwrap_or_default())?;
        if whitelist.is_none() {
            fs::remove_file(place.path("etc/whitelist.yaml"))?;
        }
        let sidecar = place.start().await?;
        let problem = sidecar.remote().health().await?.unwrap_or_default();
        ensure!(problem.contains("nothing is allowed"), "{whitelist:?}: {problem}");
        // Nobody knows what the file would allow: hooks wait, and none is skipped because it is not allowed.
        let refused = sidecar.remote().run(&command("cat", &[]), &input("x"), &spools()).await;
        let says = "the whitelist cannot be used: ";
        ensure!(matches!(&refused, Err(ExecutorError::Unavailable(why)) if why.starts_with(says)), "{refused:?}");
        fs::write(&sidecar.whitelist, WHITELIST)?;
        until_allowed(&sidecar, "cat").await?;
    }
    Ok(())
}
