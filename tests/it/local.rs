//! `local`: the objects of a folder, without a cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testbed::{Origin, Process, ProcessBuilder, Reply, free_port};

use crate::harness::{BINARY, SOON, files, run};

const QUICKSTART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deployed}\ndata: {key: one}\n";

/// A manifest of a source.
fn source(name: &str, url: &str, more: &str) -> String {
    format!(
        "apiVersion: source.flux.oddkin.co/v1alpha1\nkind: ExternalSource\nmetadata: {{name: {name}}}\nspec:\n  \
         interval: 1h\n  generator: {{type: http, http: {{url: '{url}'{more}}}}}\n"
    )
}

/// The manifests of the quick start with another port, and the address that they name.
fn quickstart() -> Result<(TempDir, String)> {
    let (folder, address) = (tempfile::tempdir()?, format!("127.0.0.1:{}", free_port()?));
    for entry in Path::new(QUICKSTART).join("manifests").read_dir()? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        ensure!(text.contains("127.0.0.1:8089"), "{} does not ask the quick start's origin", entry.path().display());
        fs::write(folder.path().join(entry.file_name()), text.replace("127.0.0.1:8089", &address))?;
    }
    Ok((folder, address))
}

/// `local` on a folder until it is dropped, on a port of the system's choice.
fn start(folder: &Path, more: &[&str]) -> Result<Process> {
    let folder = folder.to_str().context("the folder's name is no text")?;
    ProcessBuilder::new("local", BINARY).args(["local", folder, "--addr", "127.0.0.1:0"]).args(more).spawn()
}

/// The words of the newest line that begins so.
fn last_line(process: &Process, begin: &str) -> Result<Vec<String>> {
    let log = process.log()?;
    let line =
        log.lines().rev().find(|line| line.starts_with(begin)).with_context(|| format!("no {begin:?}: {log}"))?;
    Ok(line.split(' ').map(str::to_owned).collect())
}

async fn download(url: &str) -> Result<Vec<u8>> {
    Ok(reqwest::get(url).await?.error_for_status()?.bytes().await?.to_vec())
}

#[tokio::test]
async fn the_readmes_first_command_shows_every_source_ready_in_plain_lines() -> Result<()> {
    let (manifests, address) = quickstart()?;
    let origin = format!("{QUICKSTART}/origin");
    let folder = manifests.path().to_str().context("no text")?;
    let args = ["local", folder, "--origin", &origin, "--origin-addr", &address, "--addr", "127.0.0.1:0", "--once"];
    let ran = run(args).await?;
    ran.expect(0, &[])?;
    ensure!(!ran.stdout.contains('\x1b') && ran.stderr.is_empty(), "{ran:?}");
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    lines.sort_unstable();
    let names = ["default/app-config", "default/feature-flags", "default/hello-chart", "default/private-config"];
    ensure!(lines.len() == names.len(), "{ran:?}");
    for (line, name) in lines.iter().zip(names) {
        ensure!(line.starts_with(&format!("{name} ready latest@sha256:")) && line.ends_with(".tar.gz"), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn artifacts_can_be_downloaded_while_it_runs() -> Result<()> {
    let (manifests, address) = quickstart()?;
    let origin = format!("{QUICKSTART}/origin");
    let process = start(manifests.path(), &["--origin", &origin, "--origin-addr", &address])?;
    process.until_logged("default/hello-chart ready", SOON).await?;
    process.until_logged("default/app-config ready", SOON).await?;
    let url = last_line(&process, "default/app-config ready")?.pop().context("no URL")?;
    let bytes = download(&url).await?;
    let map = fs::read_to_string(format!("{origin}/app-config.yaml"))?;
    ensure!(files(&bytes)? == [("app-config.yaml".to_owned(), map)]);
    let (folder, _) = url.rsplit_once('/').context("no path")?;
    ensure!(download(&format!("{folder}/latest.tar.gz")).await? == bytes, "latest.tar.gz is something else");
    let chart = last_line(&process, "default/hello-chart ready")?.pop().context("no URL")?;
    let names: Vec<_> = files(&download(&chart).await?)?.into_iter().map(|(name, _)| name).collect();
    ensure!(names.contains(&"hello-chart/templates/configmap.yaml".to_owned()), "{names:?}");
    ensure!(process.terminate(SOON).await?.success(), "a signal is how it ends");
    Ok(())
}

#[tokio::test]
async fn edits_of_the_folder_are_taken_up_at_once() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/one.yaml", Reply::ok(MAP));
    origin.on("/two.yaml", Reply::ok(MAP.replace("one", "two")));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("source.yaml");
    let reference = ", headersSecretRef: {name: token}";
    fs::write(&file, source("app", &origin.url("/one.yaml"), reference))?;
    let process = start(folder.path(), &[])?;
    process.until_logged("default/app failing: Secret", SOON).await?;

    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {X-Token: abc}\n";
    fs::write(folder.path().join("secret.yaml"), secret)?;
    process.until_logged("default/app ready", SOON).await?;
    let one = last_line(&process, "default/app ready")?;
    ensure!(origin.requests().iter().all(|request| request.header("x-token") == Some("abc")));

    fs::write(&file, source("app", &origin.url("/two.yaml"), reference))?;
    origin.wait_for_requests("/two.yaml", 1, SOON).await?;
    testbed::eventually("the new content", SOON, async || {
        let two = last_line(&process, "default/app ready")?;
        ensure!(two[2] != one[2], "still {}", one[2]);
        let content = files(&download(&two[3]).await?)?;
        ensure!(content == [("two.yaml".to_owned(), MAP.replace("one", "two"))], "{content:?}");
        Ok(())
    })
    .await?;

    fs::remove_file(&file)?;
    process.until_logged("default/app removed", SOON).await
}

#[tokio::test]
async fn a_manifest_that_breaks_is_reported_with_its_line_and_loses_nothing() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(MAP));
    let folder = tempfile::tempdir()?;
    let good = source("app", &origin.url("/map.yaml"), "");
    fs::write(folder.path().join("app.yaml"), &good)?;
    let process = start(folder.path(), &[])?;
    process.until_logged("default/app ready", SOON).await?;
    let url = last_line(&process, "default/app ready")?.pop().context("no URL")?;

    fs::write(folder.path().join("app.yaml"), good.replace("metadata: {", "metadata: ["))?;
    process.until_logged("app.yaml:3: is no YAML that can be read", SOON).await?;
    // Another file is taken up after that: by then a loss would have been told.
    fs::write(folder.path().join("other.yaml"), source("other", &origin.url("/map.yaml"), ""))?;
    process.until_logged("default/other ready", SOON).await?;
    ensure!(!process.log()?.contains("removed"), "{}", process.log()?);
    ensure!(files(&download(&url).await?)? == [("map.yaml".to_owned(), MAP.to_owned())]);
    Ok(())
}

#[tokio::test]
async fn once_fails_when_a_source_does_and_says_which_and_why() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(MAP));
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("a.yaml"), source("good", &origin.url("/map.yaml"), ""))?;
    fs::write(folder.path().join("b.yaml"), source("missing", &origin.url("/none"), ""))?;
    fs::write(folder.path().join("c.yml"), source("odd", &origin.url("/map.yaml"), ", method: 'POST '"))?;
    let path = folder.path().to_str().context("no text")?;
    let ran = run(["local", path, "--addr", "127.0.0.1:0", "--once"]).await?;
    ran.expect(1, &[])?;
    for line in ["default/good ready", "default/missing failing: ", "404", "default/odd stalled: "] {
        ensure!(ran.stdout.contains(line), "{line:?} is not in {ran:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_stops_the_start_with_its_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_str().context("no text")?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let taken = taken.local_addr()?.to_string();
    let once = ["--addr", "127.0.0.1:0", "--once"];
    for (args, said) in [
        (&["local", path, once[0], once[1], once[2]][..], &[path, "no ExternalSource"][..]),
        (&["local", "/nowhere", once[0], once[1]], &["/nowhere", "No such file"]),
        (&["local", path, once[0], once[1], "--origin", "/nowhere", "--origin-addr", once[1]], &["--origin /nowhere"]),
        (&["local", path, "--addr", &taken], &["--addr", &taken]),
        (&["local", path, once[0], once[1], "--origin", path, "--origin-addr", &taken], &["--origin-addr", &taken]),
    ] {
        run(args).await?.expect(1, said)?;
    }
    Ok(())
}
