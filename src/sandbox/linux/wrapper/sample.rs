//! What a program and everything that it started use at the moment.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::processes::{self, Process};
use super::{disk, held};
use crate::sandbox::linux::folder::Folder;
use crate::sandbox::{Limit, Limits};

/// Looks at everything below this process.
pub(super) struct Sampler {
    limits: Limits,
    folder: PathBuf,
    directory: File,
    /// Most memory that was seen.
    peak: u64,
}

impl Sampler {
    pub(super) fn new(limits: &Limits, folder: &Folder) -> io::Result<Self> {
        let directory = folder.directory().try_clone()?;
        Ok(Self { limits: limits.clone(), folder: folder.path().to_owned(), directory, peak: 0 })
    }

    /// Looks once; gives a limit that is exceeded.
    pub(super) fn look(&mut self) -> Option<Limit> {
        let processes = processes::descendants();
        if processes.iter().map(Process::count).sum::<u64>() > self.limits.processes {
            return Some(Limit::Processes);
        }
        // A process that ends while we look can be counted twice, once of its own and once at its parent's.
        if cpu(&processes) > self.limits.cpu && cpu(&processes::descendants()) > self.limits.cpu {
            return Some(Limit::Cpu);
        }
        let held = held::by(&processes, &self.folder);
        if self.memory(&processes, held.memory) > self.limits.memory {
            return Some(Limit::Memory);
        }
        let left = self.limits.disk.saturating_sub(held.disk);
        (held.disk > self.limits.disk || disk::usage(&self.directory, left) > left).then_some(Limit::Disk)
    }

    /// Memory of all of these together.
    fn memory(&mut self, processes: &[Process], held: u64) -> u64 {
        let mut used = held + processes.iter().map(Process::memory).sum::<u64>();
        if used > self.limits.memory {
            // What several processes share was counted several times. The true count takes the kernel a while.
            used =
                held + processes.iter().map(|process| proportional(process).unwrap_or(process.memory())).sum::<u64>();
        }
        self.peak = self.peak.max(used);
        used
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak
    }
}

/// Processor time of all of these, and of all that have ended.
fn cpu(processes: &[Process]) -> Duration {
    processes.iter().map(Process::cpu).sum::<Duration>() + processes::cpu_of_ended()
}

/// Memory of a process, with its share of what it shares, in bytes.
fn proportional(process: &Process) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)).ok()?;
    let kilobytes = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"))?;
        line.trim().parse::<u64>().ok()
    };
    Some((kilobytes("Pss:")? + kilobytes("SwapPss:").unwrap_or_default()) * 1024)
}
