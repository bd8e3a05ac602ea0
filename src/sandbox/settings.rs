//! Where and how strictly programs are run.

use std::path::PathBuf;

use super::NEWEST_LANDLOCK;
use serde::{Deserialize, Serialize};

/// What to do where the kernel cannot confine programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Requirement {
    /// Run nothing.
    #[default]
    Strict,
    /// Confine as far as the kernel can. For machines on which all programs and their users are trusted.
    BestEffort,
}

/// Where and how strictly programs are run.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where each program gets a folder of its own.
    pub work_dir: PathBuf,
    /// What to do where the kernel cannot confine programs.
    pub requirement: Requirement,
    /// The executable that calls [`wrapper_main`](super::wrapper_main); this process's own but in tests, whose
    /// executable is another.
    pub wrapper: PathBuf,
    /// The newest version of Landlock to use; lower only in tests, to see what older kernels can do.
    pub max_landlock: u8,
    /// Whether to filter system calls; `false` only in tests, as above.
    pub seccomp: bool,
}

impl SandboxSettings {
    /// Strict, with folders in `work_dir`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        // Also right after the file was replaced by a newer version or deleted.
        let wrapper = PathBuf::from("/proc/self/exe");
        Self {
            work_dir: work_dir.into(),
            requirement: Requirement::Strict,
            wrapper,
            max_landlock: NEWEST_LANDLOCK,
            seccomp: true,
        }
    }
}
