//! Watching a program until it ends, by itself or otherwise.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ChildStderr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitStatus, pidfd_open};

use super::sample::Sampler;
use super::stderr::Stderr;
use super::{kill, processes};
use crate::sandbox::linux::folder::Folder;
use crate::sandbox::linux::protocol::{self, Order, Word};
use crate::sandbox::{Exit, Limit, Usage};

/// Time to the first look at what the program uses, which most programs do not live to see, and between looks later;
/// it doubles from the one to the other. In the longest of them a program can start some hundred processes, and touch
/// some 100 MB, before it is noticed.
const LOOKS: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(25));

/// Looking takes at most this part of the time of one processor: where there are many processes, of others too, looks
/// take longer and become rarer. A tenth of a millisecond is usual.
const PART: u32 = 4;

/// Why a program is watched no longer.
enum Reason {
    Ended,
    Limit(Limit),
    /// Nobody waits for it any more.
    Abandoned,
}

/// A program that runs.
pub(super) struct Watch {
    began: Instant,
    deadline: Instant,
    main: Pid,
    /// Of `main`, once it has ended.
    status: Option<WaitStatus>,
    pidfd: OwnedFd,
    control: UnixStream,
    said: Vec<u8>,
    stderr: Stderr,
    sampler: Sampler,
    next_look: Instant,
    interval: Duration,
}

impl Watch {
    pub(super) fn new(
        began: Instant,
        main: Pid,
        stderr: Option<ChildStderr>,
        control: UnixStream,
        folder: &Folder,
        order: &Order,
    ) -> io::Result<Self> {
        control.set_nonblocking(true)?;
        // A time beyond what the clock can tell is no limit for anything that will ever happen.
        let forever = Duration::from_secs(u64::from(u32::MAX));
        Ok(Self {
            began,
            deadline: began + order.limits.time.min(forever),
            main,
            status: None,
            pidfd: pidfd_open(main, PidfdFlags::empty())?,
            control,
            said: Vec::new(),
            stderr: Stderr::new(stderr, order.limits.stderr)?,
            sampler: Sampler::new(&order.limits, folder)?,
            next_look: began + LOOKS.0,
            interval: LOOKS.0,
        })
    }

    /// Gives the last word, and what was kept of standard error.
    pub(super) fn run(mut self) -> (Word, Vec<u8>) {
        let reason = loop {
            if let Some(reason) = self.wait() {
                break reason;
            }
        };
        let status = kill::everything(self.main, self.status);
        self.stderr.drain();
        let exit = exit(status);
        let limit = match (reason, exit) {
            (Reason::Limit(limit), _) => Some(limit),
            // The kernel's own limits, which are reached before ours between two looks.
            (_, Exit::Signal(libc::SIGXCPU)) => Some(Limit::Cpu),
            (_, Exit::Signal(libc::SIGXFSZ)) => Some(Limit::Disk),
            (Reason::Ended | Reason::Abandoned, _) => None,
        };
        let (time, cpu) = (self.began.elapsed(), processes::cpu_of_ended());
        let usage = Usage { time, cpu, memory: self.sampler.peak() };
        (Word::Ended { exit, limit, usage }, self.stderr.into_kept())
    }

    /// Waits until something happens, and gives the reason to end, if it was one.
    fn wait(&mut self) -> Option<Reason> {
        let [ended, told, wrote] = match self.poll() {
            Ok(happened) => happened,
            Err(Errno::INTR) => return None,
            Err(_) => return Some(Reason::Abandoned),
        };
        if wrote {
            self.stderr.drain();
        }
        if ended {
            return Some(Reason::Ended);
        }
        // Orphans that have ended are ours to wait for, and are in everybody's way until then.
        kill::reap(self.main, &mut self.status);
        if told && let Some(reason) = self.listen() {
            return Some(reason);
        }
        let now = Instant::now();
        if now >= self.deadline {
            return Some(Reason::Limit(Limit::Time));
        }
        if now >= self.next_look { self.look(now).map(Reason::Limit) } else { None }
    }

    /// Waits for the end of the program, a word of the parent, or something on standard error; or for the time.
    fn poll(&self) -> rustix::io::Result<[bool; 3]> {
        let left = self.deadline.min(self.next_look).saturating_duration_since(Instant::now()).min(LOOKS.1);
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN), PollFd::new(&self.control, PollFlags::IN)];
        fds.extend(self.stderr.as_fd().map(|stderr| PollFd::from_borrowed_fd(stderr, PollFlags::IN)));
        poll(&mut fds, Some(&timeout))?;
        Ok([0, 1, 2].map(|at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty())))
    }

    /// What the parent says: a limit that it saw exceeded, or nothing ever again.
    fn listen(&mut self) -> Option<Reason> {
        let mut chunk = [0; 256];
        match self.control.read(&mut chunk) {
            Ok(0) => return Some(Reason::Abandoned),
            Ok(read) => self.said.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => return Some(Reason::Abandoned),
        }
        match protocol::take(&mut self.said) {
            Ok(None) => None,
            Ok(Some(limit)) => Some(Reason::Limit(limit)),
            Err(_) => Some(Reason::Abandoned),
        }
    }

    fn look(&mut self, now: Instant) -> Option<Limit> {
        let limit = self.sampler.look();
        let took = now.elapsed();
        self.interval = (self.interval * 2).min(LOOKS.1).max(took * PART);
        self.next_look = now + self.interval;
        limit
    }
}

fn exit(status: Option<WaitStatus>) -> Exit {
    // Without a status somebody else has waited for our child, which nobody can.
    let killed = Exit::Signal(Signal::KILL.as_raw());
    status.map_or(killed, |status| match status.exit_status() {
        Some(code) => Exit::Code(code),
        None => status.terminating_signal().map_or(killed, Exit::Signal),
    })
}
