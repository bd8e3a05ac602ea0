//! The sandbox where there is no Linux: everything compiles, and no program is run.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::process::{ChildStdin, ChildStdout};

use super::{Ended, Limit, Limits, Program, SandboxError, SandboxSettings};

/// The hidden subcommand, which does nothing here.
pub const SUBCOMMAND: &str = "sandbox";

/// Nothing takes any time.
pub const WRAPPER_GRACE: Duration = Duration::ZERO;

/// No version of Landlock.
pub const NEWEST_LANDLOCK: u8 = 0;

/// Runs no program, because there cannot be one.
#[derive(Debug, Clone)]
pub struct Sandbox(Infallible);

impl Sandbox {
    /// Fails.
    pub fn new(_: SandboxSettings) -> Result<Self, SandboxError> {
        Err(SandboxError::Unsupported)
    }

    /// Never called.
    pub fn start(&self, _: &Program, _: &Limits) -> Result<Running, SandboxError> {
        match self.0 {}
    }

    /// Never called.
    pub fn start_holding(&self, _: impl Send + 'static, _: &Program, _: &Limits) -> Result<Running, SandboxError> {
        match self.0 {}
    }

    /// Never called.
    #[allow(clippy::unused_async, reason = "as on Linux")]
    pub async fn check(&self) -> Result<(), SandboxError> {
        match self.0 {}
    }

    /// This executable.
    pub fn own_executable() -> PathBuf {
        std::env::current_exe().unwrap_or_default()
    }

    /// Never called.
    pub fn describe(&self) -> String {
        match self.0 {}
    }
}

/// A program under way, of which there is none.
#[derive(Debug)]
pub struct Running {
    /// What the program reads.
    pub stdin: Option<ChildStdin>,
    /// What the program writes.
    pub stdout: Option<ChildStdout>,
    never: Infallible,
}

impl Running {
    /// Never called.
    pub fn stop(&self, _: Limit) {
        match self.never {}
    }

    /// Never called.
    #[allow(clippy::unused_async, reason = "as on Linux")]
    pub async fn end(self) -> Result<Ended, SandboxError> {
        match self.never {}
    }
}

/// Fails.
pub fn wrapper_main() -> ExitCode {
    ExitCode::FAILURE
}
