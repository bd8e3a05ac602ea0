//! What a program and everything that it started use at the moment.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::disk;
use super::held::{self, Held};
use super::processes::{self, Process};
use crate::sandbox::linux::folder::Folder;
use crate::sandbox::{Limit, Limits};

/// Time between two searches for what is in no count, in terms of the time that the first of them took: a program can
/// make them long, so they must not keep the wrapper from its quick looks.
const PAUSE: u32 = 10;

/// Looks at everything below this process.
pub(super) struct Sampler {
    limits: Limits,
    folder: PathBuf,
    directory: File,
    /// What the last search has found.
    held: Held,
    next_search: Instant,
    /// Most memory that was seen.
    peak: u64,
}

impl Sampler {
    pub(super) fn new(limits: &Limits, folder: &Folder) -> io::Result<Self> {
        Ok(Self {
            limits: limits.clone(),
            folder: folder.path().to_owned(),
            directory: folder.directory().try_clone()?,
            held: Held::default(),
            next_search: Instant::now(),
            peak: 0,
        })
    }

    /// Looks once; gives a limit that is exceeded.
    pub(super) fn look(&mut self) -> Option<Limit> {
        let processes = processes::descendants(self.limits.processes);
        if processes.iter().map(Process::count).sum::<u64>() > self.limits.processes {
            return Some(Limit::Processes);
        }
        let limit = self.exceeded(&processes);
        if limit.is_some() {
            // What ends while we look can be counted twice: a process's time by itself and by its parent, shared memory
            // by one process before and by another after. A true excess lasts.
            return self.exceeded(&processes::descendants(self.limits.processes));
        }
        let now = Instant::now();
        if now < self.next_search {
            return None;
        }
        let limit = self.search(&processes);
        self.next_search = Instant::now() + now.elapsed() * PAUSE;
        limit
    }

    fn exceeded(&mut self, processes: &[Process]) -> Option<Limit> {
        let cpu = processes.iter().map(Process::cpu).sum::<Duration>() + processes::cpu_of_ended();
        if cpu > self.limits.cpu {
            return Some(Limit::Cpu);
        }
        (self.memory(processes) > self.limits.memory).then_some(Limit::Memory)
    }

    /// Looks for what takes longer to find.
    fn search(&mut self, processes: &[Process]) -> Option<Limit> {
        self.held = held::by(processes, &self.folder);
        if self.memory(processes) > self.limits.memory {
            return Some(Limit::Memory);
        }
        let left = self.limits.disk.checked_sub(self.held.disk);
        let is_within = left.is_some_and(|left| disk::usage(&self.directory, left) <= left);
        (!is_within).then_some(Limit::Disk)
    }

    /// Memory of all of these together.
    fn memory(&mut self, processes: &[Process]) -> u64 {
        let all = |one: fn(&Process) -> u64| self.held.memory.saturating_add(processes.iter().map(one).sum());
        let mut used = all(Process::memory);
        if used > self.limits.memory {
            // What several processes share was counted several times. The true count takes the kernel a while.
            used = all(|process| {
                proportional(process).unwrap_or_else(|| process.again().map_or(0, |again| again.memory()))
            });
        }
        self.peak = self.peak.max(used);
        used
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak
    }
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
