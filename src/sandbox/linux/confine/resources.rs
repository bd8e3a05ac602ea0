//! Limits that the kernel keeps for us: of each process, or of all processes of one user. They back the wrapper's own
//! watch over all processes of one program, which looks only every few milliseconds.

use std::io;

use rustix::process::{Resource as Kind, Rlimit, getrlimit, setrlimit};

use super::Limits;

/// Writable memory that a process may map beyond its limit of resident memory: runtimes reserve far more than they
/// use (Go 100 MiB, an allocator's arena 1 GiB).
const MAPPED_BEYOND: u64 = 2 << 30;

/// Threads of our user on this machine beyond which a program can start no more.
///
/// The kernel counts all threads of a user, in other programs and other containers too, and refuses those that are
/// beyond the limit of whoever starts them. So a low limit would let one program starve every other, and neighbours of
/// the same user number (or the desktop of whoever tries things) starve all. The wrapper's count is the limit of one
/// program; this is what a fork bomb can reach at most should the wrapper not get to see it, a quarter of the smallest
/// number of processes that Linux has by default. It does not bind root.
const THREADS_OF_USER: u64 = 8192;

/// Signals and timers that may be pending for our user; see above.
const PENDING_SIGNALS: u64 = 1024;

/// Memory that a process may lock.
const LOCKED_MEMORY: u64 = 64 << 10;

/// A limit, soft and hard.
pub(super) struct Resource(Kind, u64, u64);

/// The limits of every process of a program.
pub(super) fn of(limits: &Limits) -> Vec<Resource> {
    // The kernel counts whole seconds; the wrapper counts hundredths, of all processes.
    let cpu = limits.cpu.as_secs() + 1;
    let memory = limits.memory.saturating_add(MAPPED_BEYOND);
    vec![
        // The signal at the soft limit can be ignored, the kill at the hard one cannot.
        Resource(Kind::Cpu, cpu, cpu.saturating_add(1)),
        Resource(Kind::Data, memory, memory),
        Resource(Kind::Nofile, limits.files, limits.files),
        Resource(Kind::Fsize, limits.disk, limits.disk),
        Resource(Kind::Nproc, THREADS_OF_USER, THREADS_OF_USER),
        Resource(Kind::Sigpending, PENDING_SIGNALS, PENDING_SIGNALS),
        Resource(Kind::Memlock, LOCKED_MEMORY, LOCKED_MEMORY),
        // Nothing of its memory is kept, not even by a program that the kernel pipes dumps to: core(5) has no limit for
        // those but this one.
        Resource(Kind::Core, 1, 1),
        Resource(Kind::Msgqueue, 0, 0),
        Resource(Kind::Rtprio, 0, 0),
    ]
}

impl Resource {
    /// Sets the limit, or keeps the one that there is if that is lower.
    pub(super) fn apply(&self) -> io::Result<()> {
        let Self(kind, soft, hard) = *self;
        let maximum = getrlimit(kind).maximum;
        let within = |limit: u64| Some(maximum.map_or(limit, |maximum| maximum.min(limit)));
        Ok(setrlimit(kind, Rlimit { current: within(soft), maximum: within(hard) })?)
    }
}
