//! Running programs, and seeing what is left of them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::sandbox::{
    Ended, Exit, Limit, Limits, Program, Requirement, Running, Sandbox, SandboxSettings,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::unprivileged::binary;
use crate::harness::SOON;

/// A sandbox in a folder of its own.
pub struct Bed {
    pub folder: TempDir,
    pub sandbox: Sandbox,
    pub limits: Limits,
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    pub ended: Ended,
    pub stdout: String,
}

impl Ran {
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.ended.stderr).into_owned()
    }

    /// Fails unless the program ended by itself, with success.
    pub fn succeeded(self) -> Result<Self> {
        ensure!(self.ended.exit == Exit::Code(0) && self.ended.limit.is_none(), "{self:?}");
        Ok(self)
    }

    /// Fails unless this limit ended the program.
    pub fn hit(self, limit: Limit) -> Result<Self> {
        ensure!(self.ended.limit == Some(limit), "not ended by its {} limit: {self:?}", limit.name());
        Ok(self)
    }
}

/// Little of everything, so that it is used up quickly.
pub fn limits() -> Limits {
    Limits {
        time: SOON,
        cpu: Duration::from_secs(30),
        memory: 128 << 20,
        processes: 32,
        files: 128,
        disk: 8 << 20,
        stdin: 1 << 20,
        stdout: 1 << 20,
        stderr: 4 << 10,
    }
}

impl Bed {
    pub fn new() -> Result<Self> {
        Self::with(|_| ())
    }

    /// A sandbox that knows no newer Landlock than this.
    pub fn with_landlock(version: u8) -> Result<Self> {
        Self::with(|settings| settings.max_landlock = version)
    }

    /// A sandbox on a kernel that cannot confine anything.
    pub fn unconfined() -> Result<Self> {
        Self::with(|settings| {
            settings.requirement = Requirement::BestEffort;
            settings.max_landlock = 0;
            settings.seccomp = false;
        })
    }

    fn with(change: impl FnOnce(&mut SandboxSettings)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut settings = SandboxSettings { wrapper: binary(), ..SandboxSettings::new(folder.path()) };
        change(&mut settings);
        Ok(Self { sandbox: Sandbox::new(settings)?, folder, limits: limits() })
    }

    pub fn start(&self, program: &Program) -> Result<Running> {
        Ok(self.sandbox.start(program, &self.limits)?)
    }

    /// Runs a program to its end; stops it when it writes more than it may.
    pub async fn run(&self, program: &Program, stdin: &[u8]) -> Result<Ran> {
        let mut running = self.start(program)?;
        let (mut input, mut output) =
            (running.stdin.take().context("no stdin")?, running.stdout.take().context("no stdout")?);
        let feed = async {
            // One that does not read its input has ended.
            let _ = input.write_all(stdin).await;
            drop(input);
        };
        let most = usize::try_from(self.limits.stdout)?;
        let read = async {
            let mut stdout = Vec::new();
            while output.read_buf(&mut stdout).await? > 0 {
                if stdout.len() > most {
                    running.stop(Limit::Stdout);
                    break;
                }
            }
            anyhow::Ok(stdout)
        };
        let both = async { tokio::join!(feed, read).1 };
        let stdout = tokio::time::timeout(SOON, both).await.context("the program goes on and on")??;
        let ended = tokio::time::timeout(SOON, running.end()).await.context("the program does not end")??;
        Ok(Ran { ended, stdout: String::from_utf8_lossy(&stdout).into_owned() })
    }

    /// Fails unless nothing is left: no file, and no process that has `mark` among its arguments.
    pub fn is_clean(&self, mark: &str) -> Result<()> {
        let left = marked(mark)?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        let files: Vec<_> = self.folder.path().read_dir()?.collect();
        ensure!(files.is_empty(), "left behind: {files:?}");
        Ok(())
    }
}

/// A shell script, with a mark that everything it forks carries too.
pub fn bash(script: &str, mark: &str) -> Program {
    program("/bin/bash", &["-c", script, mark])
}

/// A Perl program. Only what is in every Debian: no modules but POSIX, Socket and Fcntl.
pub fn perl(script: &str, mark: &str) -> Program {
    program("/usr/bin/perl", &["-e", script, mark])
}

pub fn program(path: impl AsRef<Path>, args: &[&str]) -> Program {
    Program {
        path: path.as_ref().into(),
        args: args.iter().map(ToString::to_string).collect(),
        env: Vec::new(),
        proxy: None,
    }
}

/// A text that nothing else on this machine has among its arguments.
pub fn mark() -> String {
    format!("mark-{}-{:x}", std::process::id(), fastrand::u128(..))
}

/// The processes that have `mark` among their arguments.
pub fn marked(mark: &str) -> Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for entry in Path::new("/proc").read_dir()? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(arguments) = std::fs::read(format!("/proc/{pid}/cmdline")) else { continue };
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        if pid.cast_unsigned() != std::process::id() && arguments.contains(mark) {
            found.push((pid, arguments));
        }
    }
    Ok(found)
}

/// Waits for a condition.
pub async fn until(what: &str, condition: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let wait = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(SOON, wait).await.with_context(|| format!("never: {what}"))?
}
