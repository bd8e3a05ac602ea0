//! The end of a program and of everything that it started.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, prlimit, wait,
};

use super::processes;

/// First and longest wait for those that are dying.
const NAP: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(2));

/// Those that are still there when the wait has become this long may not have been reached.
const SURVIVED: Duration = Duration::from_micros(400);

/// How many processes are looked for at once, to be killed: as many as there can be. More are found the next time.
const AT_ONCE: u64 = 8192;

/// Kills all of our descendants, and waits until none is left. Gives the status of `main`.
pub(super) fn everything(main: Pid, mut status: Option<WaitStatus>) -> Option<WaitStatus> {
    // Reaches every process of the group and every fork that is under way, so a fork bomb cannot outrun it; and a
    // program cannot leave its group. When all of them have ended, the number of the group is free, but is given to
    // somebody else only after all the other numbers.
    let _ = kill_process_group(main, Signal::KILL);
    let mut nap = NAP.0;
    while reap(main, &mut status) {
        pause(nap);
        nap = (nap * 2).min(NAP.1);
        if nap >= SURVIVED {
            one_by_one();
        }
    }
    status
}

/// Waits for all of our children that have ended, and keeps the status of `main`. Whether there are more: without
/// children there are no descendants either, because orphans become our children.
pub(super) fn reap(main: Pid, status: &mut Option<WaitStatus>) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, ended))) if pid == main => *status = Some(ended),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// For those that have left the group, where no filter of system calls keeps them in it.
fn one_by_one() {
    let descendants: Vec<Pid> =
        processes::descendants(AT_ONCE).iter().filter_map(|found| Pid::from_raw(found.pid)).collect();
    for pid in &descendants {
        // First of all no more of them.
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = prlimit(Some(*pid), Resource::Nproc, none);
    }
    for pid in descendants {
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[allow(clippy::disallowed_methods, reason = "a process of one thread, without a runtime")]
fn pause(nap: Duration) {
    std::thread::sleep(nap);
}
