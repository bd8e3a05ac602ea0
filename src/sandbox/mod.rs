//! Runs one program that nobody trusts: in a process of its own that can read the system's libraries and its own empty
//! folder, has no network but what is granted, and cannot outlive or outgrow its limits.
//!
//! Knows nothing of hooks: what may run at all is decided before.

mod limits;

pub use limits::{Limit, Limits};

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;

/// What to run. `Debug` shows neither arguments nor environment, because both may hold secrets.
#[derive(Clone)]
pub struct Program {
    /// Absolute path of the executable.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
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
}
