//! Nothing outlives who started it, however that ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::sandbox::{Sandbox, SandboxError, SandboxSettings};
use rustix::process::{Pid, Signal, kill_process};

use super::bed::{Bed, bash, mark, marked, program, until};
use super::unprivileged::{test_command, unprivileged};

/// A program with children of all kinds.
const FAMILY: &str = "bash -c 'sleep 1000; :' $0 & (bash -c 'sleep 1000; :' $0 &) ; bash -c 'sleep 1000; :' $0; :";

/// How many of them carry the mark.
const MEMBERS: usize = 4;

fn kill(pid: i32) -> Result<()> {
    Ok(kill_process(Pid::from_raw(pid).context("no process")?, Signal::KILL)?)
}

/// The parent of a process.
fn parent(pid: i32) -> Result<i32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(status.lines().find_map(|line| line.strip_prefix("PPid:")).context("no parent")?.trim().parse()?)
}

/// The first process of the program with this mark, once all of the family are there.
async fn family(mark: &str) -> Result<i32> {
    until("the family is there", async || Ok(marked(mark)?.len() == MEMBERS)).await?;
    let all: Vec<i32> = marked(mark)?.into_iter().map(|(pid, _)| pid).collect();
    let first = all.iter().copied().find(|pid| parent(*pid).is_ok_and(|parent| !all.contains(&parent)) && leads(*pid));
    first.context("nobody leads them")
}

fn leads(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(2)) == Some(pid.to_string().as_str())
}

const FOLDER: &str = "SANDBOX_TEST_FOLDER";
const MARK: &str = "SANDBOX_TEST_MARK";

#[test]
#[ignore = "a process that starts a program, for tests that kill it"]
fn a_process_that_waits_for_its_program() {
    let (Some(folder), Some(mark)) = (std::env::var_os(FOLDER), std::env::var(MARK).ok()) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings =
            SandboxSettings { wrapper: super::unprivileged::binary(), ..SandboxSettings::new(PathBuf::from(folder)) };
        let sandbox = Sandbox::new(settings).unwrap();
        sandbox.start(&bash(FAMILY, &mark), &super::bed::limits()).unwrap().end().await.unwrap();
    });
}

unprivileged! {
    async fn a_wrapper_that_is_killed_takes_everything_with_it() -> Result<()> {
        let (bed, mark) = (Bed::new()?, mark());
        let running = bed.start(&bash(FAMILY, &mark))?;
        let wrapper = parent(family(&mark).await?)?;
        ensure!(parent(wrapper)? == std::process::id().cast_signed(), "not the wrapper");
        kill(wrapper)?;
        let error = running.end().await.err();
        ensure!(matches!(error, Some(SandboxError::Broken)), "{error:?}");
        bed.is_clean(&mark)
    }

    async fn a_process_that_is_killed_takes_its_programs_with_it() -> Result<()> {
        let (folder, mark) = (tempfile::tempdir()?, mark());
        let mut command = test_command("hooks_sandbox::survivors::a_process_that_waits_for_its_program")?;
        command.env(FOLDER, folder.path()).env(MARK, &mark).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn()?;
        family(&mark).await?;
        kill(process.id().cast_signed())?;
        process.wait()?;
        until("all are gone", async || Ok(marked(&mark)?.is_empty())).await?;
        until("the folder is gone", async || Ok(folder.path().read_dir()?.next().is_none())).await
    }

    async fn a_program_whose_first_process_is_killed_ends() -> Result<()> {
        let (bed, mark) = (Bed::new()?, mark());
        let running = bed.start(&bash(FAMILY, &mark))?;
        kill(family(&mark).await?)?;
        let ended = running.end().await?;
        ensure!(ended.exit == flux_externalsource::sandbox::Exit::Signal(9) && ended.limit.is_none(), "{ended:?}");
        bed.is_clean(&mark)
    }

    async fn what_a_killed_wrapper_has_left_is_removed_at_the_next_start() -> Result<()> {
        let bed = Bed::new()?;
        let left = bed.folder.path().join("externalsource-run-0123456789abcdef");
        std::fs::create_dir_all(left.join("a/b"))?;
        std::fs::write(left.join("a/b/file"), "")?;
        std::fs::create_dir(bed.folder.path().join("of somebody else"))?;
        let mark = mark();
        let running = bed.start(&bash("echo x > file; sleep 1000", &mark))?;
        let live = async || -> Result<Vec<PathBuf>> {
            let entries = bed.folder.path().read_dir()?.flatten().map(|entry| entry.path());
            Ok(entries.filter(|path| path.join("file").exists()).collect())
        };
        until("it has its folder", async || Ok(!live().await?.is_empty())).await?;
        drop(Sandbox::new(SandboxSettings::new(bed.folder.path()))?);
        ensure!(!left.exists() && live().await?.len() == 1, "the wrong one was removed");
        ensure!(bed.folder.path().join("of somebody else").exists(), "that was not ours");
        drop(running);
        until("it is gone", async || Ok(live().await?.is_empty())).await
    }

    async fn a_folder_for_programs_that_is_not_there_is_told() -> Result<()> {
        let error = Sandbox::new(SandboxSettings::new("/no/such/folder")).err();
        ensure!(matches!(&error, Some(SandboxError::WorkDir { path, .. }) if path == Path::new("/no/such/folder")), "{error:?}");
        let bed = Bed::new()?;
        std::fs::remove_dir(bed.folder.path())?;
        let error = bed.start(&program("/bin/true", &[]))?.end().await.err();
        ensure!(matches!(error, Some(SandboxError::WorkDir { .. })), "{error:?}");
        std::fs::create_dir(bed.folder.path())?;
        Ok(())
    }
}
