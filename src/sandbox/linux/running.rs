//! A program under way, seen from the process that wants its output.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::SUBCOMMAND;
use super::leftovers;
use super::protocol::{self, Cause, Malformed, Order, Word};
use crate::sandbox::{Ended, Limit, SandboxError};

/// How much longer than the program the wrapper may take. It kills and cleans within milliseconds; beyond this it hangs,
/// and is killed itself.
pub const WRAPPER_GRACE: Duration = Duration::from_secs(20);

/// A program under way. Dropping it kills the program and everything that it started, which takes a moment.
///
/// Standard input has to be dropped for the program to see its end, and standard output has to be read, or dropped, for
/// the program not to wait for its reader. Whoever moves the bytes counts them, against [`Limits::stdin`] and
/// [`Limits::stdout`], and calls [`stop`](Self::stop) when they are too many. An error of writing to standard input
/// only says that the program reads no more, which is its right.
///
/// [`Limits::stdin`]: crate::sandbox::Limits::stdin
/// [`Limits::stdout`]: crate::sandbox::Limits::stdout
#[derive(Debug)]
pub struct Running {
    /// What the program reads.
    pub stdin: Option<ChildStdin>,
    /// What the program writes. Ends at the latest when the program does, whatever it has started.
    pub stdout: Option<ChildStdout>,
    /// Dropping it tells the control task that nobody waits any more.
    stops: UnboundedSender<Limit>,
    control: JoinHandle<Result<Ended, SandboxError>>,
}

impl Running {
    pub(super) fn start(held: impl Send + 'static, wrapper: &Path, order: &Order) -> io::Result<Self> {
        let (mut wrapper, stream) = spawn(wrapper)?;
        let (stdin, stdout) = (wrapper.stdin.take(), wrapper.stdout.take());
        let (stops, stopped) = unbounded_channel();
        let time = order.limits.time.saturating_add(WRAPPER_GRACE);
        let work_dir = order.work_dir.clone();
        let control = Control { wrapper, stream, stopped, abandoned: false, program: None, work_dir };
        let order = protocol::frame(order);
        let control = tokio::spawn(async move {
            let ended = control.run(order, time).await;
            drop(held);
            ended
        });
        Ok(Self { stdin, stdout, stops, control })
    }

    /// Kills the program because of a limit that the caller saw exceeded, which [`end`](Self::end) then names. Does
    /// nothing to a program that has ended.
    pub fn stop(&self, limit: Limit) {
        // Nobody listens once the program has ended.
        let _ = self.stops.send(limit);
    }

    /// Waits until the program and everything that it started have ended. Drops what is left of standard input and
    /// output: take them out first, and read the output to its end before or meanwhile.
    pub async fn end(mut self) -> Result<Ended, SandboxError> {
        drop((self.stdin.take(), self.stdout.take()));
        // Only a runtime that shuts down cancels it.
        self.control.await.map_err(|_| SandboxError::Broken)?
    }
}

/// Starts the wrapper, with the program's standard input and output, and the control channel as standard error.
fn spawn(wrapper: &Path) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let wrapper = Command::new(wrapper)
        .arg(SUBCOMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    Ok((wrapper, ours))
}

/// The channel to the wrapper. Its end, whatever ends it, makes the wrapper kill everything.
struct Control {
    wrapper: Child,
    stream: UnixStream,
    stopped: UnboundedReceiver<Limit>,
    /// Nobody wants to know how it ends.
    abandoned: bool,
    /// The program's first process, and its folder.
    program: Option<(Pid, PathBuf)>,
    work_dir: PathBuf,
}

impl Control {
    async fn run(mut self, order: Vec<u8>, time: Duration) -> Result<Ended, SandboxError> {
        let ended = tokio::time::timeout(time, self.attend(&order)).await;
        let ended = ended.unwrap_or(Err(SandboxError::Broken));
        let Self { mut wrapper, stream, abandoned, program, .. } = self;
        // Its end makes a wrapper that still has something to do kill everything.
        drop(stream);
        let has_ended = match (&ended, abandoned) {
            (Err(SandboxError::Broken), false) => false,
            (Ok(_) | Err(_), _) => tokio::time::timeout(WRAPPER_GRACE, wrapper.wait()).await.is_ok(),
        };
        if !has_ended {
            let _ = wrapper.kill().await;
            if let Some((main, folder)) = &program {
                leftovers::kill(*main, folder).await;
            }
        }
        ended
    }

    async fn attend(&mut self, order: &[u8]) -> Result<Ended, SandboxError> {
        // A wrapper that does not read has ended, and is about to be heard saying why, or nothing.
        let _ = self.stream.write_all(order).await;
        let mut said = Vec::new();
        let (exit, limit, usage) = loop {
            match protocol::take(&mut said) {
                Ok(Some(Word::Started { pid, folder })) => {
                    self.program = Pid::from_raw(pid).map(|pid| (pid, folder));
                }
                Ok(Some(Word::Failed(cause))) => return Err(self.failure(cause)),
                Ok(Some(Word::Ended { exit, limit, usage })) => break (exit, limit, usage),
                Err(Malformed) => return Err(SandboxError::Broken),
                Ok(None) => self.listen(&mut said).await?,
            }
        };
        match self.stream.read_to_end(&mut said).await {
            // How its end looks when it did not read our last word any more; all that it said came before.
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => return Err(SandboxError::Broken),
            Ok(_) | Err(_) => {}
        }
        Ok(Ended { exit, limit, stderr: Bytes::from(said), usage })
    }

    /// Waits for more words, and tells the wrapper meanwhile what there is to tell.
    async fn listen(&mut self, said: &mut Vec<u8>) -> Result<(), SandboxError> {
        tokio::select! {
            read = self.stream.read_buf(said) => match read {
                Ok(0) | Err(_) => Err(SandboxError::Broken),
                Ok(_) => Ok(()),
            },
            limit = self.stopped.recv() => {
                let Some(limit) = limit else {
                    self.abandoned = true;
                    return Err(SandboxError::Broken);
                };
                // As above.
                let _ = self.stream.write_all(&protocol::frame(&limit)).await;
                Ok(())
            }
        }
    }

    fn failure(&self, cause: Cause) -> SandboxError {
        let error = io::Error::from_raw_os_error;
        match cause {
            Cause::WorkDir(errno) => SandboxError::WorkDir { path: self.work_dir.clone(), error: error(errno) },
            Cause::Unconfined(why) => SandboxError::Unconfined(why),
            Cause::Start(errno) => SandboxError::Start(error(errno)),
            Cause::Program(errno) => SandboxError::Program(error(errno)),
            Cause::TooLong => SandboxError::TooLong,
        }
    }
}
