//! Watching a program until it ends, by itself or otherwise.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, WaitStatus, pidfd_open};

use super::kill;
use crate::sandbox::protocol::{self, Order, Word};
use crate::sandbox::{Exit, Limit, Usage};

/// Why a program is watched no longer.
enum Reason {
    Ended,
    Limit(Limit),
    Abandoned,
}

/// A program that runs.
pub(super) struct Watch {
    began: Instant,
    deadline: Instant,
    main: Pid,
    pidfd: OwnedFd,
    control: UnixStream,
    said: Vec<u8>,
    stderr: Option<ChildStderr>,
    kept: Vec<u8>,
    keep: usize,
}

impl Watch {
    pub(super) fn new(began: Instant, mut child: Child, control: UnixStream, order: &Order) -> io::Result<Self> {
        let main = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        let stderr = child.stderr.take();
        if let Some(stderr) = &stderr {
            fcntl_setfl(stderr, fcntl_getfl(stderr)? | OFlags::NONBLOCK)?;
        }
        control.set_nonblocking(true)?;
        Ok(Self {
            began,
            deadline: began + order.limits.time,
            main,
            pidfd: pidfd_open(main, PidfdFlags::empty())?,
            control,
            said: Vec::new(),
            stderr,
            kept: Vec::new(),
            keep: usize::try_from(order.limits.stderr).unwrap_or(usize::MAX),
        })
    }

    /// Gives the last word, and what was kept of standard error.
    pub(super) fn to_the_end(mut self) -> (Word, Vec<u8>) {
        let reason = loop {
            if let Some(reason) = self.wait() {
                break reason;
            }
        };
        let status = kill::everything(self.main, None);
        self.drain();
        let _ = self.control.set_nonblocking(false);
        let limit = match reason {
            Reason::Limit(limit) => Some(limit),
            Reason::Ended | Reason::Abandoned => None,
        };
        let usage = Usage { time: self.began.elapsed(), ..Usage::default() };
        (Word::Ended { exit: exit(status), limit, usage }, self.kept)
    }

    /// Waits until something happens, and gives the reason to end, if it was one.
    fn wait(&mut self) -> Option<Reason> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let (ended, told, wrote) = match self.poll(left) {
            Ok(events) => events,
            Err(rustix::io::Errno::INTR) => return None,
            Err(_) => return Some(Reason::Abandoned),
        };
        if wrote {
            self.drain();
        }
        if ended {
            return Some(Reason::Ended);
        }
        if told {
            return self.listen();
        }
        (Instant::now() >= self.deadline).then_some(Reason::Limit(Limit::Time))
    }

    fn poll(&self, left: Duration) -> rustix::io::Result<(bool, bool, bool)> {
        let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN), PollFd::new(&self.control, PollFlags::IN)];
        if let Some(stderr) = &self.stderr {
            fds.push(PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN));
        }
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        poll(&mut fds, Some(&timeout))?;
        let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok((ready(0), ready(1), ready(2)))
    }

    /// What the parent says: a limit that it saw exceeded, or that nobody waits any more.
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

    /// Reads what there is of standard error, and keeps the beginning.
    fn drain(&mut self) {
        let mut chunk = [0; 16 * 1024];
        // Not for ever: a program that writes without end must not keep us from its limits.
        for _ in 0..64 {
            let Some(stderr) = &mut self.stderr else { return };
            match stderr.read(&mut chunk) {
                Ok(0) => self.stderr = None,
                Ok(read) => {
                    let keep = read.min(self.keep - self.kept.len());
                    self.kept.extend_from_slice(&chunk[..keep]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.stderr = None,
            }
        }
    }
}

fn exit(status: Option<WaitStatus>) -> Exit {
    let killed = rustix::process::Signal::KILL.as_raw();
    let Some(status) = status else { return Exit::Signal(killed) };
    match status.exit_status() {
        Some(code) => Exit::Code(code),
        None => Exit::Signal(status.terminating_signal().unwrap_or(killed)),
    }
}
