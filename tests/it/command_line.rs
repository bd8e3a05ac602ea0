//! The commands as a user types them.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use testbed::{ProcessBuilder, free_port};

use crate::harness::{BINARY, SOON, bare, finish, run, testbed};

#[tokio::test]
async fn crd_prints_the_definition_that_is_shipped() -> Result<()> {
    let ran = run(["crd"]).await?;
    ran.expect(0, &[])?;
    let folder = env!("CARGO_MANIFEST_DIR");
    let shipped = format!("{folder}/deploy/crds/source.flux.oddkin.co_externalsources.yaml");
    ensure!(ran.stdout == std::fs::read_to_string(shipped)?, "crd prints something else");
    Ok(())
}

#[tokio::test]
async fn version_and_help_end_well_and_fit_into_80_columns() -> Result<()> {
    let ran = run(["--version"]).await?;
    ran.expect(0, &[])?;
    ensure!(ran.stdout == concat!("flux-externalsource ", env!("CARGO_PKG_VERSION"), "\n"), "{ran:?}");
    for (args, holds) in [
        (&["--help"][..], "Usage: flux-externalsource <COMMAND>"),
        (&["-h"], "render"),
        (&["controller", "--help"], "[env: WATCH_NAMESPACES]"),
        (&["controller", "-h"], "--leader-elect"),
        (&["local", "--help"], "--origin-addr <ADDRESS>"),
        (&["render", "--help"], "--output <PATH>"),
        (&["crd", "--help"], "custom resource definition"),
    ] {
        let ran = run(args).await?;
        ran.expect(0, &[])?;
        ensure!(ran.stdout.contains(holds) && ran.stderr.is_empty(), "{args:?}: {ran:?}");
        let wide = ran.stdout.lines().find(|line| line.chars().count() > 80);
        ensure!(wide.is_none(), "{args:?} has a line of more than 80 columns: {wide:?}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_command_the_usage_is_shown_as_an_error() -> Result<()> {
    run::<&str>([]).await?.expect(2, &["Usage: flux-externalsource <COMMAND>", "controller", "local"])?;
    run(["fly"]).await?.expect(2, &["'fly'"])?;
    run(["render", "x.yaml"]).await?.expect(2, &["--output"])?;
    run(["local"]).await?.expect(2, &["<FOLDER>"])
}

/// The binary under the name that it has in the Go implementation's image.
fn manager() -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let link = folder.path().join("manager");
    symlink(BINARY, &link)?;
    Ok((folder, link))
}

#[tokio::test]
async fn called_as_manager_it_runs_with_the_flags_of_the_go_implementation() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("manager").await?;
    let account = testbed.account("flux-system", "flux-externalsource-controller").await?;
    let (_folder, link) = manager()?;
    let (artifacts, health, metrics) = (free_port()?, free_port()?, free_port()?);
    let process = ProcessBuilder::new("manager", &link)
        .args(["--leader-elect", "-zap-log-level", "debug", "--zap-encoder=console", "--enable-http2=false"])
        .args(["--metrics-secure=false", "--zap-stacktrace-level", "error", "--artifact-server-enabled"])
        .arg(format!("--health-probe-bind-address=127.0.0.1:{health}"))
        .args(["--metrics-bind-address", &format!("127.0.0.1:{metrics}")])
        .arg(format!("--artifact-server-port={artifacts}"))
        .args(["--kubeconfig".as_ref(), account.kubeconfig.as_os_str()])
        .env("WATCH_NAMESPACES", &namespace)
        .env("LEASE_NAME", &namespace)
        .spawn()?;
    for (port, path) in [(health, "readyz"), (metrics, "metrics")] {
        let url = format!("http://127.0.0.1:{port}/{path}");
        process.until_ready(SOON, || async { Ok(reqwest::get(&url).await?.error_for_status()?) }).await?;
    }
    let log = process.log()?;
    for said in ["flag --metrics-secure has no meaning here", "flag --zap-stacktrace-level has no meaning here"] {
        ensure!(log.contains(said), "{said:?} is not in {log}");
    }
    ensure!(log.contains("DEBUG") && !log.contains("\"level\""), "not the log that was asked for: {log}");
    let answer = reqwest::get(format!("http://127.0.0.1:{artifacts}/artifacts/a/b/c.tar.gz")).await?;
    ensure!(answer.status() == 404, "{}", answer.status());
    ensure!(process.terminate(SOON).await?.success(), "{}", process.log_tail());
    Ok(())
}

#[tokio::test]
async fn called_as_manager_a_bad_flag_is_named_as_it_was_given() -> Result<()> {
    let (_folder, link) = manager()?;
    let ran = finish(bare(&link).args(["--artifact-server-port", "eighty"])).await?;
    ran.expect(2, &["--artifact-server-port", "\"eighty\""])?;
    let ran = finish(bare(&link).arg("--no-such-flag")).await.context("it did not end")?;
    ran.expect(2, &["--no-such-flag"])
}
