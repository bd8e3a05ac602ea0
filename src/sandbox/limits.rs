//! What a program may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a program, with everything that it starts, may use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// From start to end.
    pub time: Duration,
    /// Processor time of all processes together.
    pub cpu: Duration,
    /// Resident memory of all processes together, in bytes.
    pub memory: u64,
    /// Processes and threads at once.
    pub processes: u64,
    /// Open files of any one process.
    pub files: u64,
    /// Bytes in its own folder.
    pub disk: u64,
    /// Bytes of standard input.
    pub stdin: u64,
    /// Bytes of standard output.
    pub stdout: u64,
    /// Bytes of standard error that are kept; more are thrown away.
    pub stderr: u64,
}

/// The limit that ended a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// [`Limits::time`].
    Time,
    /// [`Limits::cpu`].
    Cpu,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::disk`].
    Disk,
    /// [`Limits::stdin`].
    Stdin,
    /// [`Limits::stdout`].
    Stdout,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Time, Self::Cpu, Self::Memory, Self::Processes, Self::Disk, Self::Stdin, Self::Stdout];

    /// For messages, metrics and the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Disk => "disk",
            Self::Stdin => "stdin",
            Self::Stdout => "stdout",
        }
    }

    /// The limit of this [name](Self::name).
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }
}
