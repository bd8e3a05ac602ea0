//! Starting and ending.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::hooks::{Executor as _, ExecutorError};
use serde_json::json;
use testbed::eventually;
use testbed::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::http::run;
use super::sidecar::{Place, Sidecar, WHITELIST, command, input, is_root, remote, script, spools, until_ready};
use crate::harness::{BINARY, SOON, bare, finish};

/// A command that has begun and waits for the end of its input.
struct Open {
    stream: UnixStream,
    read: String,
}

impl Open {
    async fn new(sidecar: &Sidecar) -> Result<Self> {
        let wire = json!({"command": "bash", "args": ["-c", "echo begun; cat"], "env": [], "timeout": "10m"});
        let request = String::from_utf8(run(&wire, b"hello"))?.replace("content-length: 5", "content-length: 10");
        let mut stream = UnixStream::connect(&sidecar.socket).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut open = Self { stream, read: String::new() };
        open.read_to("hello").await?;
        ensure!(open.read.starts_with("HTTP/1.1 200 ") && open.read.contains("begun\n"), "{}", open.read);
        Ok(open)
    }

    async fn read_to(&mut self, marker: &str) -> Result<()> {
        while !self.read.contains(marker) {
            let mut buffer = [0; 1024];
            let n = timeout(SOON, self.stream.read(&mut buffer)).await.context("nothing more came")??;
            ensure!(n > 0, "it ended without {marker:?}: {}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_runs_when_the_end_comes_may_finish() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("SHUTDOWN_GRACE_PERIOD", "10m");
    let sidecar = place.start().await?;
    let mut open = Open::new(&sidecar).await?;
    sidecar.process.signal(Signal::TERM)?;
    eventually("nobody to listen any more", SOON, async || {
        let refused = sidecar.remote().run(&command("cat", &[]), &input(""), &spools()).await;
        ensure!(matches!(refused, Err(ExecutorError::Unavailable(_))), "{refused:?}");
        Ok(())
    })
    .await?;
    ensure!(sidecar.process.exit_status()?.is_none(), "it did not wait for the command");
    open.stream.write_all(b"world").await?;
    open.read_to("externalsource-exit-code: 0\r\n").await?;
    ensure!(open.read.contains("world"), "{}", open.read);
    let status = sidecar.process.wait(SOON).await?;
    ensure!(status.success() && !sidecar.socket.exists(), "{status}, {}", sidecar.process.log_tail());
    Ok(())
}

#[tokio::test]
async fn what_runs_after_the_grace_period_is_cut_off() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("SHUTDOWN_GRACE_PERIOD", "100ms");
    let sidecar = place.start().await?;
    let mut open = Open::new(&sidecar).await?;
    let status = sidecar.process.terminate(SOON).await?;
    ensure!(status.success(), "{status}");
    let cut = open.read_to("externalsource-exit-code: ").await;
    ensure!(cut.is_err(), "the answer looks whole: {}", open.read);
    Ok(())
}

/// Processes of which an argument holds this.
pub fn running(marker: &str) -> Result<usize> {
    let mut found = 0;
    for entry in fs::read_dir("/proc")?.flatten() {
        let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        found += usize::from(arguments.windows(marker.len()).any(|window| window == marker.as_bytes()));
    }
    Ok(found)
}

#[tokio::test]
async fn a_sidecar_that_is_killed_takes_its_commands_along() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    // No other test's, whatever runs at the same time.
    let marker = format!("marker-{}", fastrand::u64(..));
    let endless = script(&format!("echo begun; bash -c 'sleep 600; : {marker}' & sleep 600; : {marker}"));
    let remote = sidecar.remote();
    let run = tokio::spawn(async move { remote.run(&endless, &input(""), &spools()).await });
    eventually("the command to run", SOON, async || {
        let found = running(&marker)?;
        ensure!(found >= 2, "{found} processes");
        Ok(())
    })
    .await?;
    sidecar.process.kill().await?;
    let broken = timeout(SOON, run).await.context("the client waits on")??;
    ensure!(matches!(broken, Err(ExecutorError::Unavailable(_))), "{broken:?}");
    eventually("the command to end", SOON, async || {
        let found = running(&marker)?;
        ensure!(found == 0, "{found} processes are left");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_killed_sidecars_socket_is_no_obstacle_and_a_living_ones_is() -> Result<()> {
    let place = Place::new(WHITELIST)?;
    let first = place.spawn()?;
    until_ready(&first, &place.socket()).await?;
    let second = place.spawn()?;
    let status = second.wait(SOON).await?;
    ensure!(status.code() == Some(1), "{status}");
    ensure!(second.log()?.contains("another process listens there"), "{}", second.log_tail());
    let output = remote(&place.socket()).run(&command("cat", &[]), &input("x"), &spools()).await?;
    ensure!(output.len() == 1, "the first one was disturbed");

    first.kill().await?;
    ensure!(place.socket().exists(), "a killed process tidied up");
    let third = place.spawn()?;
    until_ready(&third, &place.socket()).await
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() -> Result<()> {
    let place = Place::new(WHITELIST)?;
    fs::write(place.socket(), "mine")?;
    let process = place.spawn()?;
    ensure!(process.wait(SOON).await?.code() == Some(1));
    ensure!(process.log()?.contains("a file that is no socket"), "{}", process.log_tail());
    ensure!(fs::read_to_string(place.socket())? == "mine");
    Ok(())
}

#[tokio::test]
async fn a_whitelist_or_a_folder_that_is_missing_is_said() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("HOOK_EXECUTOR_ENDPOINT", "unix:///nowhere/hooks.sock");
    let process = place.spawn()?;
    ensure!(process.wait(SOON).await?.code() == Some(1));
    ensure!(process.log()?.contains("unix:///nowhere/hooks.sock: cannot listen"), "{}", process.log_tail());
    Ok(())
}

#[tokio::test]
async fn where_no_command_could_run_nothing_is_started() -> Result<()> {
    let place = Place::new(WHITELIST)?;
    let sealed = place.path("sealed");
    fs::create_dir(&sealed)?;
    // It can be read, so that only a program that is run finds out.
    fs::set_permissions(&sealed, Permissions::from_mode(0o555))?;
    let place = place.with("HOOK_WORK_DIR", sealed.display().to_string());
    let process = place.spawn()?;
    ensure!(process.wait(SOON).await?.code() == Some(1), "{}", process.log_tail());
    let said = format!("no folder for programs can be made in {}", sealed.display());
    let log = process.log()?;
    ensure!(log.contains("HOOK_WORK_DIR") && log.contains(&said), "{}", process.log_tail());
    ensure!(!place.socket().exists(), "it was listened on");
    Ok(())
}

#[tokio::test]
async fn what_confines_commands_is_logged() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    sidecar.process.until_logged("seccomp and Landlock version", SOON).await?;
    Ok(())
}

#[tokio::test]
async fn root_is_refused() -> Result<()> {
    // Only root can show it; everybody else is who the sidecar is for.
    if !is_root() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("hooks.sock");
    let mut binary = bare(BINARY.as_ref());
    let run = binary.arg("hook-executor").env("HOOK_EXECUTOR_ENDPOINT", format!("unix://{}", socket.display()));
    finish(run).await?.expect(1, &["refuses to run as root", "runAsNonRoot"])?;
    ensure!(!socket.exists());
    Ok(())
}
