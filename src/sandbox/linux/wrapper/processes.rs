//! Everything that descends from this process, as /proc tells it.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: i32,
    parent: i32,
    session: i32,
    /// Has ended, and nobody has waited for it yet.
    zombie: bool,
    threads: u64,
    /// Its own processor time, in ticks.
    own: u64,
    /// That of the children that it has waited for, and that they had waited for.
    waited: u64,
    /// Resident memory in pages.
    pages: u64,
}

impl Process {
    /// A line of /proc/PID/stat: `proc_pid_stat(5)`.
    fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        // The name of the executable may hold anything, parentheses and line ends included.
        let (_, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // The first of these is the third in the manual.
        let field = |number: usize| fields.get(number - 3);
        let count = |number: usize| field(number)?.parse::<u64>().ok();
        Some(Self {
            pid: pid.parse().ok()?,
            zombie: *field(3)? == "Z",
            parent: field(4)?.parse().ok()?,
            session: field(6)?.parse().ok()?,
            threads: count(20)?,
            own: count(14)? + count(15)?,
            waited: count(16)? + count(17)?,
            pages: count(24)?,
        })
    }

    fn read(pid: i32) -> Option<Self> {
        let mut stat = [0; 1024];
        // Gone, or gone meanwhile. The kernel gives all of it at once.
        let length = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut stat)).ok()?;
        // Not read as text: a process may have any name.
        Self::parse(&String::from_utf8_lossy(&stat[..length]))
    }

    /// What it is now, if it is there.
    pub(super) fn again(&self) -> Option<Self> {
        Self::read(self.pid)
    }

    /// How many processes and threads it is. An orphan that has ended is none: it is ours to wait for.
    pub(super) fn count(&self) -> u64 {
        if self.zombie && self.parent == own() { 0 } else { self.threads }
    }

    /// Resident memory in bytes, shared memory included.
    pub(super) fn memory(&self) -> u64 {
        self.pages * rustix::param::page_size() as u64
    }

    /// Processor time of itself and of those children that it has waited for.
    pub(super) fn cpu(&self) -> Duration {
        time(self.own + self.waited)
    }
}

/// Processor time of all descendants of this process that have ended.
pub(super) fn cpu_of_ended() -> Duration {
    Process::read(own()).map_or(Duration::ZERO, |own| time(own.waited))
}

fn time(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

fn own() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// All descendants of this process; but only some when there are more than `most` processes and threads, because a fork
/// bomb makes them faster than they can be looked at.
pub(super) fn descendants(most: u64) -> Vec<Process> {
    let own = own();
    if Path::new(&format!("/proc/self/task/{own}/children")).exists() {
        by_children(own, most)
    } else {
        by_parents(own, most)
    }
}

/// Asks every thread for its children. Cheap, and not in every kernel (`CONFIG_PROC_CHILDREN`).
fn by_children(own: i32, most: u64) -> Vec<Process> {
    let (mut found, mut count) = (Vec::new(), 0);
    let mut queue = VecDeque::from([own]);
    while let Some(pid) = queue.pop_front() {
        if pid != own
            && let Some(process) = Process::read(pid)
        {
            count += process.count();
            found.push(process);
        }
        if count > most {
            break;
        }
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            queue.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        }
    }
    found
}

/// Asks every process for its parent.
fn by_parents(own: i32, most: u64) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let (mut all, mut count) = (Vec::new(), 0);
    for process in pids.filter_map(Process::read) {
        // The wrapper leads a session of its own, which a program cannot leave.
        count += if process.session == own && process.pid != own { process.count() } else { 0 };
        all.push(process);
        if count > most {
            return all.into_iter().filter(|process| process.session == own && process.pid != own).collect();
        }
    }
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = children.remove(&own).unwrap_or_default();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        found.extend(children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_parentheses_and_spaces_is_no_field() {
        let stat = "42 (a) (b) 1) S 7 42 42 0 -1 4194304 90 11 0 0 3 4 5 6 25 5 9 0 1000 8192 77 18446744073709551615";
        let process =
            Process { pid: 42, parent: 7, session: 42, zombie: false, threads: 9, own: 7, waited: 11, pages: 77 };
        assert_eq!(Process::parse(stat), Some(process));
        assert_eq!(Process::parse("42 (a) S 7"), None);
        assert_eq!(Process::parse(""), None);
    }

    /// A shell that waits for another one, until its standard input ends.
    fn family() -> std::process::Child {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "sh -c 'echo; read x; true'; true"]);
        shell.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn both_ways_find_children_and_grandchildren() {
        let mut shell = family();
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let own = std::process::id().cast_signed();
        let child = shell.id().cast_signed();
        let mut ways = vec![by_parents(own, u64::MAX)];
        if Path::new(&format!("/proc/self/task/{own}/children")).exists() {
            ways.push(by_children(own, u64::MAX));
        }
        for found in ways {
            let grandchild = found.iter().find(|process| process.parent == child);
            assert!(found.iter().any(|process| process.pid == child && process.parent == own), "{found:?}");
            assert!(grandchild.is_some_and(|process| process.threads == 1 && process.memory() > 0), "{found:?}");
        }
        drop(shell.stdin.take());
        assert!(shell.wait().unwrap().success());
    }
}
