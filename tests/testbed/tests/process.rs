//! Children end with the test run, however it ends.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::process::Signal;
use testbed::{ProcessBuilder, eventually};

const SOON: Duration = Duration::from_secs(10);
const PID_FILE: &str = "TESTBED_HELPER_PID_FILE";

fn shell(script: &str) -> ProcessBuilder {
    ProcessBuilder::new("shell", "/bin/sh").args(["-c", script])
}

/// A zombie counts as ended: who collects it is not our matter.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim_start().starts_with('Z'))
}

/// Not a test: what `a_killed_run_leaves_no_children` runs as a process of its own, in order to kill it.
#[tokio::test]
#[ignore = "a helper that never ends"]
async fn helper() -> Result<()> {
    let file = env::var_os(PID_FILE).context("runs only as the helper of another test")?;
    // From a thread that ends at once, as a libtest thread does with its test: the child must survive that.
    let child = std::thread::spawn(|| ProcessBuilder::new("sleep", "sleep").arg("600").spawn());
    let child = child.join().map_err(|_| anyhow::anyhow!("the thread panicked"))??;
    tokio::time::sleep(Duration::from_millis(300)).await;
    ensure!(child.exit_status()?.is_none(), "the child died with the thread that asked for it");
    fs::write(&file, format!("{}\n", child.pid()))?;
    tokio::time::sleep(Duration::from_secs(600)).await;
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_run_leaves_no_children() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pid");
    let mut run = Command::new(env::current_exe()?)
        .args(["--ignored", "--exact", "helper"])
        .env(PID_FILE, &file)
        .stdout(Stdio::null())
        .spawn()?;
    let written = eventually("the helper to have a child", SOON, async || {
        let pid = fs::read_to_string(&file)?;
        ensure!(pid.ends_with('\n'), "not written yet");
        Ok(pid.trim().to_owned())
    });
    let pid = written.await;
    // Whatever came out of it, the helper must not stay. This is SIGKILL.
    let alive = pid.as_ref().is_ok_and(|pid| is_alive(pid));
    run.kill()?;
    run.wait()?;
    let pid = pid?;
    ensure!(alive, "the child was not there before the kill");
    eventually("the child to be gone", SOON, async || {
        ensure!(!is_alive(&pid), "{pid} still runs");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_failed_start_shows_the_end_of_the_log() -> Result<()> {
    let process = shell("echo the reason is here; exit 3").spawn()?;
    let never = process.until_ready(SOON, || async { anyhow::bail!("not ready") as Result<()> }).await;
    let message = format!("{:#}", never.err().context("it must fail")?);
    ensure!(message.contains("the reason is here") && message.contains("exit status: 3"), "{message}");
    let missing = ProcessBuilder::new("missing", "/no/such/program").spawn().err().context("it must fail")?;
    ensure!(format!("{missing:#}").contains("/no/such/program"), "{missing:#}");
    Ok(())
}

#[tokio::test]
async fn a_child_can_be_asked_to_end() -> Result<()> {
    let process = shell("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done").spawn()?;
    process.until_logged("up", SOON).await?;
    let status = process.terminate(SOON).await?;
    ensure!(status.code() == Some(7), "{status}");
    ensure!(process.log()?.contains("bye"), "{}", process.log()?);
    process.signal(Signal::KILL)?;
    Ok(())
}

#[tokio::test]
async fn the_environment_is_clean() -> Result<()> {
    let process = ProcessBuilder::new("env", "env").env("GIVEN", "yes").spawn()?;
    process.wait(SOON).await?;
    let log = process.log()?;
    ensure!(log.contains("GIVEN=yes") && log.contains("PATH=") && !log.contains("CARGO"), "{log}");
    Ok(())
}
