//! `render`: one run of one manifest, without a cluster.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testbed::{Origin, Reply};

use crate::harness::{Ran, files, run};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deployed}\n";
const SECRET: &str = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {X-Token: abc}\n";

/// An origin, and a folder to work in.
struct Desk {
    origin: Origin,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Result<Self> {
        let origin = Origin::start().await?;
        origin.on("/map.yaml", Reply::ok(MAP));
        Ok(Self { origin, folder: tempfile::tempdir()? })
    }

    fn source(&self, name: &str, path: &str) -> String {
        format!(
            "---\napiVersion: source.flux.oddkin.co/v1alpha1\nkind: ExternalSource\nmetadata: {{name: {name}}}\nspec:\n  \
             interval: 1h\n  destinationPath: apps/{name}.yaml\n  generator:\n    type: http\n    http:\n      url: {}\n",
            self.origin.url(path)
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Renders this text with these arguments.
    async fn render(&self, manifest: &str, output: &Path, more: &[&str]) -> Result<Ran> {
        let file = self.path("manifest.yaml");
        fs::write(&file, manifest)?;
        let (file, output) = (file.to_str().context("no text")?, output.to_str().context("no text")?);
        run([&["render", file, "-o", output][..], more].concat()).await
    }
}

#[tokio::test]
async fn archive_folder_and_standard_output_hold_the_same() -> Result<()> {
    let desk = Desk::new().await?;
    let source = desk.source("app", "/map.yaml");
    let archive = desk.path("out.tar.gz");
    let ran = desk.render(&source, &archive, &[]).await?;
    ran.expect(0, &["app: ready: revision latest@sha256:"])?;
    ensure!(ran.stdout.is_empty(), "{ran:?}");
    let bytes = fs::read(&archive)?;
    ensure!(files(&bytes)? == [("apps/app.yaml".to_owned(), MAP.to_owned())]);
    ran.expect(0, &[&format!("digest {}, {} bytes", testbed::archive::digest(&bytes), bytes.len())])?;

    let ran = desk.render(&source, Path::new("-"), &[]).await?;
    ran.expect(0, &["app: ready"])?;
    ensure!(ran.bytes == bytes, "standard output is another archive");

    let folder = desk.path("new/folder");
    desk.render(&source, &folder, &[]).await?.expect(0, &["app: ready"])?;
    ensure!(fs::read_to_string(folder.join("apps/app.yaml"))? == MAP);
    Ok(())
}

#[tokio::test]
async fn the_name_picks_one_of_several() -> Result<()> {
    let desk = Desk::new().await?;
    let both = desk.source("one", "/map.yaml") + &desk.source("two", "/none");
    let output = desk.path("out.tar.gz");
    desk.render(&both, &output, &[]).await?.expect(1, &["--name", "one, two"])?;
    desk.render(&both, &output, &["--name", "three"]).await?.expect(1, &["\"three\"", "one, two"])?;
    ensure!(!output.exists() && desk.origin.requests().is_empty(), "nothing was picked, and yet something ran");
    desk.render(&both, &output, &["--name", "one"]).await?.expect(0, &["one: ready"])?;
    Ok(())
}

#[tokio::test]
async fn headers_come_from_a_secret_of_the_file() -> Result<()> {
    let desk = Desk::new().await?;
    let source = desk.source("app", "/map.yaml") + "      headersSecretRef: {name: token}\n";
    let output = desk.path("out.tar.gz");
    desk.render(&source, &output, &[]).await?.expect(1, &["app: not ready", "Secret", "token"])?;
    desk.render(&(source + SECRET), &output, &[]).await?.expect(0, &[])?;
    ensure!(desk.origin.requests()[0].header("x-token") == Some("abc"));
    Ok(())
}

#[tokio::test]
async fn what_would_not_be_ready_fails_with_the_reason_and_writes_nothing() -> Result<()> {
    let desk = Desk::new().await?;
    desk.origin.on("/empty", Reply::ok(""));
    desk.origin.on("/broken", Reply::status(500));
    let output = desk.path("out.tar.gz");
    for (path, said) in [("/none", "404 Not Found"), ("/broken", "500"), ("/empty", "empty")] {
        let ran = desk.render(&desk.source("app", path), &output, &[]).await?;
        ran.expect(1, &["app: not ready: ", said])?;
        ensure!(ran.stdout.is_empty() && !output.exists(), "{path}: {ran:?}");
    }
    let stalled = desk.source("app", "/map.yaml").replace("apps/", "../");
    desk.render(&stalled, &output, &[]).await?.expect(1, &["app: not ready: ", "destinationPath"])?;
    Ok(())
}

#[tokio::test]
async fn an_archive_that_is_there_survives_a_run_that_fails() -> Result<()> {
    let desk = Desk::new().await?;
    let output = desk.path("out.tar.gz");
    desk.render(&desk.source("app", "/map.yaml"), &output, &[]).await?.expect(0, &[])?;
    let before = fs::read(&output)?;
    desk.render(&desk.source("app", "/none"), &output, &[]).await?.expect(1, &[])?;
    ensure!(fs::read(&output)? == before);
    Ok(())
}

#[tokio::test]
async fn a_folder_with_files_is_refused_and_left_alone() -> Result<()> {
    let desk = Desk::new().await?;
    let folder = desk.path("full");
    fs::create_dir(&folder)?;
    fs::write(folder.join("mine.txt"), "mine")?;
    let ran = desk.render(&desk.source("app", "/map.yaml"), &folder, &[]).await?;
    ran.expect(2, &["--output", "full", "not empty"])?;
    ensure!(folder.read_dir()?.count() == 1 && fs::read_to_string(folder.join("mine.txt"))? == "mine");
    ensure!(desk.origin.requests().is_empty(), "the origin was asked for what cannot be written");
    Ok(())
}

#[tokio::test]
async fn manifests_that_cannot_be_read_are_named_with_the_problem() -> Result<()> {
    let desk = Desk::new().await?;
    let output = desk.path("out.tar.gz");
    for (manifest, said) in [
        ("kind: [\n", "manifest.yaml:1"),
        ("", "empty"),
        (MAP, "manifest.yaml: there is no ExternalSource"),
        ("apiVersion: source.flux.oddkin.co/v1\nkind: ExternalSource\nmetadata: {name: a}\n", "v1alpha1"),
    ] {
        desk.render(manifest, &output, &[]).await?.expect(1, &[said])?;
    }
    let text = desk.source("app", "/map.yaml").replace("interval: 1h", "interval: {}");
    desk.render(&text, &output, &[]).await?.expect(1, &["app", "spec.interval"])?;
    run(["render", "/nowhere.yaml", "-o", "x.tar.gz"]).await?.expect(1, &["/nowhere.yaml", "No such file"])
}
