//! Runs one program that nobody trusts: in a process of its own that can read the system's libraries and its own empty
//! folder, has no network but what is granted, and cannot outlive or outgrow its limits.
//!
//! Knows nothing of hooks: what may run at all is decided before.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod error;
mod limits;
#[cfg(target_os = "linux")]
mod linux;
mod settings;

#[cfg(not(target_os = "linux"))]
use elsewhere as platform;
pub use error::SandboxError;
pub use limits::{Limit, Limits};
#[cfg(target_os = "linux")]
use linux as platform;
pub use platform::{NEWEST_LANDLOCK, Running, SUBCOMMAND, Sandbox, WRAPPER_GRACE, wrapper_main};
pub use settings::{Requirement, SandboxSettings};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What to run. `Debug` shows neither arguments nor environment, because both may hold secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Program {
    /// Absolute path of the executable; [`Sandbox::own_executable`] for what is built in.
    pub path: PathBuf,
    /// Its arguments, without the name of the program itself.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// The one address that it may connect to by TCP; `None`: no network at all.
    pub proxy: Option<SocketAddr>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("path", &self.path).field("args", &self.args.len()).finish_non_exhaustive()
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What a program and everything that it started used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From start to end.
    pub time: Duration,
    /// Processor time, to a hundredth of a second.
    pub cpu: Duration,
    /// Most resident memory that was seen at once, in bytes; 0 for a program that ended before anybody looked.
    pub memory: u64,
}

/// What is left of a program.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// The limit that ended it, if one did.
    pub limit: Option<Limit>,
    /// The beginning of its standard error, for the debug log; may hold secrets.
    pub stderr: Bytes,
    /// What it used.
    pub usage: Usage,
}
