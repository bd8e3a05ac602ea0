//! What a forked child does to itself before it becomes the program.

#![allow(unsafe_code, reason = "there is no safe way of running code between fork and exec, nor of close_range(2)")]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::Confinement;

/// What the child fails with when it cannot be confined. No execve(2) fails with it, so it stands for itself.
pub(in crate::sandbox::linux) const UNCONFINED: Errno = Errno::NOTRECOVERABLE;

/// How much nicer a program is than who watches it: on a busy processor, which a fork bomb makes it, it gets a tenth of
/// the wrapper's time, so that the wrapper sees it soon.
const NICER: i32 = 10;

/// Starts `command`, confined. Fails in a process of more than one thread.
pub(in crate::sandbox::linux) fn start_confined(
    mut command: Command,
    mut confinement: Confinement,
) -> io::Result<Child> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::from(UNCONFINED));
    }
    let apply = move || confinement.apply().map_err(|_| io::Error::from(UNCONFINED));
    // SAFETY: a fork of a process with several threads may find locks taken by threads that it does not have, so that
    // only async-signal-safe functions are allowed after it. This process has one thread: it was counted above, nothing
    // below starts another one before the fork, and nobody has the command to fork again. So the fork is a whole
    // process. The closure touches only what it owns, and file descriptors that are closed at the exec.
    unsafe { command.pre_exec(apply) };
    command.spawn()
}

/// Dies with the wrapper, however that dies.
pub(super) fn tie_to(wrapper: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before.
    if rustix::process::getppid() == Some(wrapper) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
}

/// Lets others have the processor and the memory first.
pub(super) fn yield_to_others() {
    // Neither is a condition of anything: without them a hostile program is a greater nuisance until it is killed.
    let _ = rustix::process::nice(NICER);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Only our user, who is the user of everything here, gets anything to do with its files.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Keeps what somebody let us inherit from the program, at the exec: until then it has the pipe that tells of errors.
pub(super) fn close_descriptors() -> io::Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: a system call that takes numbers only and marks descriptors; none is closed that anybody here owns.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes from root what makes it root. Others have none of it.
pub(super) fn drop_capabilities() -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // One that this kernel does not know, or that we may not even drop.
            Ok(()) | Err(Errno::INVAL | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySet::empty();
    Ok(rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}
