//! Starting programs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Limits, Program, Running, SandboxError, SandboxSettings};

/// Runs programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    settings: Arc<SandboxSettings>,
}

impl Sandbox {
    /// Looks whether programs can be confined here, and removes what programs of processes that are gone have left.
    pub fn new(settings: SandboxSettings) -> Result<Self, SandboxError> {
        if !cfg!(target_os = "linux") {
            return Err(SandboxError::Unsupported);
        }
        Ok(Self { settings: Arc::new(settings) })
    }

    /// Starts a program. Has to be called within a tokio runtime. That the program cannot be executed is told by
    /// [`Running::end`].
    pub fn start(&self, program: &Program, limits: &Limits) -> Result<Running, SandboxError> {
        Running::start(&self.settings, program, limits)
    }

    /// The path of what is built into our own executable, for [`Program::path`].
    pub fn own_executable() -> PathBuf {
        // Resolved by the wrapper, which is our own executable also where this process is a test.
        PathBuf::from("/proc/self/exe")
    }
}

/// What the hidden subcommand `sandbox` does: wraps one program, as the process that started it says over standard
/// error. To be called before there is any thread: the program is forked off, and the fork must be whole.
pub fn wrapper_main() -> ExitCode {
    #[cfg(target_os = "linux")]
    return super::wrapper::run();
    #[cfg(not(target_os = "linux"))]
    ExitCode::FAILURE
}
