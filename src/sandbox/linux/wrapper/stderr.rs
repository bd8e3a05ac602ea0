//! The program's standard error: the beginning is kept, the rest thrown away, so that it never waits for us.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::ChildStderr;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Reads in a row. A program that writes without end must not keep us from its limits.
const READS: usize = 64;

/// Standard error of a program.
pub(super) struct Stderr {
    pipe: Option<ChildStderr>,
    kept: Vec<u8>,
    keep: usize,
}

impl Stderr {
    pub(super) fn new(pipe: Option<ChildStderr>, keep: u64) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe, kept: Vec::new(), keep: usize::try_from(keep).unwrap_or(usize::MAX) })
    }

    /// To wait for; `None` when it has ended.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(|pipe| pipe.as_fd())
    }

    /// Reads what there is.
    pub(super) fn drain(&mut self) {
        let mut chunk = [0; 16 * 1024];
        for _ in 0..READS {
            let Some(pipe) = &mut self.pipe else { return };
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    let keep = read.min(self.keep - self.kept.len());
                    self.kept.extend_from_slice(&chunk[..keep]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    /// What was kept.
    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept
    }
}
