//! Runs the binary to its end, as a user does, and keeps what it said.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

use super::SOON;

/// The binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_flux-externalsource");

/// How it ended, and what it said.
pub struct Ran {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output as it is.
    pub bytes: Vec<u8>,
    /// Standard output as text.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails, with all it said, unless it ended with this code and standard error holds all of this.
    pub fn expect(&self, code: i32, said: &[&str]) -> Result<()> {
        ensure!(self.code == Some(code), "it ended with {:?} instead of {code}: {self:?}", self.code);
        for text in said {
            ensure!(self.stderr.contains(text), "it did not say {text:?}: {self:?}");
        }
        Ok(())
    }
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {:?}\n-- stdout\n{}\n-- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }
}

/// Runs the binary with these arguments and a bare environment.
pub async fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Ran> {
    finish(bare(Path::new(BINARY)).args(args)).await
}

/// The same with variables, separated by nothing from the few that every program needs.
pub async fn run_with<S: AsRef<OsStr>>(variables: &[(&str, &str)], args: impl IntoIterator<Item = S>) -> Result<Ran> {
    finish(bare(Path::new(BINARY)).args(args).envs(variables.iter().copied())).await
}

/// A program without the environment of the test run, which ends with its handle.
pub fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    let passed_on = ["PATH", "HOME", "TMPDIR"];
    command.env_clear().envs(passed_on.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a program to its end.
pub async fn finish(command: &mut Command) -> Result<Ran> {
    let output = timeout(SOON, command.output()).await.with_context(|| format!("{command:?} did not end"))?;
    Ok(output.with_context(|| format!("{command:?} did not start"))?.into())
}
