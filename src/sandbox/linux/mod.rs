//! The sandbox by means of Linux.
//!
//! ```text
//! this process -- starts --> wrapper (our executable again) -- starts --> program --> what the program starts
//!        \------- control channel ------/    \-- standard error, memory, time, ... --/
//! ```
//!
//! The wrapper is a process of one thread: so its fork, which has to confine itself before it becomes the program, is a
//! whole process, and so the program can be told to die with the wrapper. It adopts whatever the program leaves behind,
//! and ends with everything below it when the control channel does, which is when this process does.

mod check;
mod confine;
mod folder;
mod kernel;
mod leftovers;
mod protocol;
mod remove;
mod running;
mod wrapper;

use std::path::PathBuf;
use std::sync::Arc;

use self::kernel::Kernel;
pub use self::kernel::NEWEST_LANDLOCK;
use self::protocol::Order;
pub use self::running::{Running, WRAPPER_GRACE};
pub use self::wrapper::wrapper_main;
use super::{Limits, Program, SandboxError, SandboxSettings};

/// The hidden subcommand that has to call [`wrapper_main`].
pub const SUBCOMMAND: &str = "sandbox";

/// Runs programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    settings: Arc<SandboxSettings>,
    kernel: Kernel,
}

impl Sandbox {
    /// Looks whether programs can be confined here, and removes what programs of processes that are gone have left.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        let kernel = Kernel::probe(&settings)?;
        leftovers::remove(&settings.work_dir)
            .map_err(|error| SandboxError::WorkDir { path: settings.work_dir.clone(), error })?;
        Ok(Self { settings: Arc::new(settings), kernel })
    }

    /// Starts a program. Has to be called within a tokio runtime. That the program cannot be confined or executed is
    /// told by [`Running::end`].
    pub fn start(&self, program: &Program, limits: &Limits) -> Result<Running, SandboxError> {
        self.start_holding((), program, limits)
    }

    /// As [`start`](Self::start), and holds `held` until the program and everything that it started have ended, also
    /// when the [`Running`] is dropped before.
    pub fn start_holding(
        &self,
        held: impl Send + 'static,
        program: &Program,
        limits: &Limits,
    ) -> Result<Running, SandboxError> {
        let order = Order {
            program: program.clone(),
            limits: limits.clone(),
            work_dir: self.settings.work_dir.clone(),
            requirement: self.settings.requirement,
            kernel: self.kernel,
        };
        Running::start(held, &self.settings.wrapper, &order).map_err(SandboxError::Start)
    }

    /// The path of what is built into our own executable, for [`Program::path`].
    pub fn own_executable() -> PathBuf {
        // Resolved by the wrapper, which is our own executable also where this process is a test.
        PathBuf::from("/proc/self/exe")
    }

    /// What of the kernel confines programs, for the log.
    pub fn describe(&self) -> String {
        match self.kernel {
            Kernel { landlock: 0, seccomp: false } => "nothing".to_owned(),
            Kernel { landlock: 0, seccomp: true } => "seccomp, without Landlock".to_owned(),
            Kernel { landlock, seccomp: true } => format!("seccomp and Landlock version {landlock}"),
            Kernel { landlock, seccomp: false } => format!("Landlock version {landlock}, without seccomp"),
        }
    }
}
