//! The end of a program and of everything that it started.

use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};

/// Kills the process group of `main`, and gives the status of `main` once all of our descendants have been reaped.
///
/// A signal to a group reaches each process in it and every fork under way, so a fork bomb cannot outrun it.
pub(super) fn everything(main: Pid, mut status: Option<WaitStatus>) -> Option<WaitStatus> {
    let mut nap = Duration::from_micros(50);
    let _ = kill_process_group(main, Signal::KILL);
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, ended))) if pid == main => status = Some(ended),
            Ok(Some(_)) => {}
            // We adopt every orphan: without children there are no descendants.
            Err(Errno::CHILD) => return status,
            Ok(None) | Err(_) => {
                #[allow(clippy::disallowed_methods, reason = "a process of one thread, without a runtime")]
                std::thread::sleep(nap);
                nap = (nap * 2).min(Duration::from_millis(5));
            }
        }
    }
}
