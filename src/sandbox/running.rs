//! A program under way, seen from the process that wants its output.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

use super::protocol::{self, Cause, Malformed, Order, Word};
use super::{Ended, Exit, Limit, Limits, Program, SandboxError, SandboxSettings, Usage};

/// A program under way. Dropping it kills the program and everything that it started.
///
/// Standard input has to be dropped for the program to see its end, and standard output has to be read, or dropped,
/// for the program not to wait for its reader. Whoever moves the bytes counts them, against [`Limits::stdin`] and
/// [`Limits::stdout`], and says so by [`stop`](Self::stop) when they are too many.
#[derive(Debug)]
pub struct Running {
    /// What the program reads.
    pub stdin: Option<ChildStdin>,
    /// What the program writes.
    pub stdout: Option<ChildStdout>,
    stops: UnboundedSender<Limit>,
    control: AbortOnDropHandle<Result<Ended, SandboxError>>,
}

impl Running {
    pub(super) fn start(settings: &SandboxSettings, program: &Program, limits: &Limits) -> Result<Self, SandboxError> {
        let order = protocol::frame(&Order {
            program: program.clone(),
            limits: limits.clone(),
            work_dir: settings.work_dir.clone(),
            requirement: settings.requirement,
        });
        let (wrapper, control) = spawn(settings).map_err(SandboxError::Start)?;
        let (mut wrapper, control) = (wrapper, control);
        let (stdin, stdout) = (wrapper.stdin.take(), wrapper.stdout.take());
        let (stops, stopped) = unbounded_channel();
        let control = tokio::spawn(Control { wrapper, stream: control, stopped }.run(order));
        Ok(Self { stdin, stdout, stops, control: AbortOnDropHandle::new(control) })
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
        self.control.await.map_err(|_| SandboxError::Broken)?
    }
}

/// Starts the wrapper, with the program's standard input and output, and the control channel as standard error.
fn spawn(settings: &SandboxSettings) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let ours = UnixStream::from_std(ours)?;
    let wrapper = Command::new(&settings.wrapper)
        .arg(protocol::SUBCOMMAND)
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
}

impl Control {
    async fn run(mut self, order: Vec<u8>) -> Result<Ended, SandboxError> {
        // A wrapper that breaks off has said why, or its silence says it.
        let _ = self.stream.write_all(&order).await;
        let mut said = Vec::new();
        let ended = loop {
            match protocol::take(&mut said) {
                Ok(Some(Word::Started { .. })) => {}
                Ok(Some(Word::Failed(cause))) => return Err(cause.into()),
                Ok(Some(Word::Ended { exit, limit, usage })) => break (exit, limit, usage),
                Err(Malformed) => return Err(SandboxError::Broken),
                Ok(None) => self.listen(&mut said).await?,
            }
        };
        self.stream.read_to_end(&mut said).await.map_err(|_| SandboxError::Broken)?;
        // Its end is certain, and comes at once.
        let _ = self.wrapper.wait().await;
        let (exit, limit, usage): (Exit, Option<Limit>, Usage) = ended;
        Ok(Ended { exit, limit, usage, stderr: Bytes::from(said) })
    }

    /// Waits for more words, and tells the wrapper meanwhile what there is to tell.
    async fn listen(&mut self, said: &mut Vec<u8>) -> Result<(), SandboxError> {
        tokio::select! {
            read = self.stream.read_buf(said) => match read {
                Ok(0) | Err(_) => Err(SandboxError::Broken),
                Ok(_) => Ok(()),
            },
            Some(limit) = self.stopped.recv() => {
                let _ = self.stream.write_all(&protocol::frame(&limit)).await;
                Ok(())
            }
        }
    }
}

impl From<Cause> for SandboxError {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::WorkDir(errno) => {
                Self::WorkDir { path: std::path::PathBuf::new(), error: io::Error::from_raw_os_error(errno) }
            }
            Cause::Unconfined(why) => Self::Unconfined(why),
            Cause::Program(errno) => Self::Program(io::Error::from_raw_os_error(errno)),
        }
    }
}
