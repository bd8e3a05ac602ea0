//! What processes use, from /proc.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Length of a tick of `/proc/PID/stat` on every Linux platform that Rust runs on (`USER_HZ` is 100).
const TICK: Duration = Duration::from_millis(10);

/// Memory counts as settled when it has not moved by more than this for a second.
const STEADY: u64 = 256;

/// Resident memory in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// All of it.
    pub resident: u64,
    /// Without the pages of files, which are mostly the program itself.
    pub anonymous: u64,
}

impl Memory {
    /// Of this process now.
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Ok(Self { resident: field("VmRSS:").context("no VmRSS")?, anonymous: field("RssAnon:").context("no RssAnon")? })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MB resident, of which {:.1} MB anonymous", mb(self.resident), mb(self.anonymous))
    }
}

fn mb(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}

/// The memory of a process once it no longer moves.
pub async fn settled(pid: u32) -> Result<Memory> {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut before = Memory::of(pid)?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Memory::of(pid)?;
        if now.resident.abs_diff(before.resident) <= STEADY || Instant::now() > deadline {
            return Ok(now);
        }
        before = now;
    }
}

/// Processor time of a process while `window` passes.
pub async fn over(pid: u32, window: Duration) -> Result<Duration> {
    let before = cpu(pid)?;
    tokio::time::sleep(window).await;
    Ok(cpu(pid)?.saturating_sub(before).mul_f64(60.0 / window.as_secs_f64()))
}

/// The processes that share the machine's cores.
pub struct Parts {
    named: Vec<(&'static str, u32)>,
}

impl Parts {
    /// Our children by their names, this process, and the controller.
    pub fn find(controller: Option<u32>) -> Result<Self> {
        let mut named = Vec::new();
        named.extend(controller.map(|pid| ("controller", pid)));
        let known = [("kube-apiserver", "API server"), ("server", "etcd"), ("kube-controller", "controller manager")];
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok((command, fields)) = stat(pid) else { continue };
            if fields[1].parse() == Ok(std::process::id())
                && let Some((_, name)) = known.iter().find(|(known, _)| command.starts_with(known))
            {
                named.push((name, pid));
            }
        }
        named.push(("bench and origin", std::process::id()));
        Ok(Self { named })
    }

    /// Processor time of each so far.
    pub fn read(&self) -> Result<Cost> {
        let read = |(name, pid): &(&'static str, u32)| Ok((*name, cpu(*pid)?));
        Ok(Cost(self.named.iter().map(read).collect::<Result<_>>()?))
    }
}

/// Processor time by process.
#[derive(Debug, Clone, Default)]
pub struct Cost(pub Vec<(&'static str, Duration)>);

impl Cost {
    /// What was added after `before`.
    pub fn since(self, before: &Self) -> Self {
        let pairs = self.0.into_iter().zip(&before.0);
        Self(pairs.map(|((name, now), (_, before))| (name, now.saturating_sub(*before))).collect())
    }
}

/// Processor time of a process so far, all its threads, in user and kernel mode.
pub fn cpu(pid: u32) -> Result<Duration> {
    let (_, fields) = stat(pid)?;
    let ticks = |index: usize| fields[index].parse::<u32>();
    Ok(TICK * (ticks(11)? + ticks(12)?))
}

/// The command of `/proc/PID/stat`, and the fields behind it: the state is the first of them.
fn stat(pid: u32) -> Result<(String, Vec<String>)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (start, rest) = text.rsplit_once(')').context("not a stat")?;
    let command = start.split_once('(').context("not a stat")?.1.to_owned();
    Ok((command, rest.split_whitespace().map(str::to_owned).collect()))
}

/// The machine's load averages.
pub fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}
