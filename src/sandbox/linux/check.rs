//! Whether programs really run here: a confined one that does nothing, which only the kernel can answer for.

use std::time::Duration;

use super::{SUBCOMMAND, Sandbox};
use crate::sandbox::{Ended, Exit, Limits, Program, SandboxError};

/// Argument after the hidden subcommand that ends our executable at once.
pub(super) const NOTHING: &str = "nothing";

/// More than starting our executable takes anywhere.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(30),
    cpu: Duration::from_secs(10),
    memory: 64 << 20,
    processes: 4,
    files: 16,
    disk: 1 << 20,
    stdin: 0,
    stdout: 0,
    stderr: 0,
};

impl Sandbox {
    /// Runs a program that does nothing, to be asked before anything is served: what the kernel has may still be
    /// forbidden here, and the folder of folders may not be writable.
    pub async fn check(&self) -> Result<(), SandboxError> {
        let args = [SUBCOMMAND, NOTHING].map(str::to_owned).to_vec();
        let program = Program { path: Self::own_executable(), args, env: Vec::new(), proxy: None };
        match self.start(&program, &LIMITS)?.end().await? {
            Ended { exit: Exit::Code(0), .. } => Ok(()),
            Ended { exit, limit, .. } => {
                let limit = limit.map_or_else(String::new, |limit| format!(", by its {} limit", limit.name()));
                Err(SandboxError::Unconfined(format!("a confined program that does nothing ends with {exit:?}{limit}")))
            }
        }
    }
}
