//! A command under way: its input is fed while its output is read, and both are counted.

use std::io;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};

use crate::hooks::ExecutorError;
use crate::sandbox::{Ended, Exit, Limit, Limits, Running, SandboxError, Usage};

/// Size of one read: what a pipe holds.
const CHUNK: usize = 64 * 1024;

/// SIGKILL.
const KILL: i32 = 9;

/// A command under way. Nothing moves unless somebody asks for the output; dropping it ends the command.
pub struct Output {
    running: Running,
    stdout: Option<ChildStdout>,
    buffer: BytesMut,
    /// Bytes of output that may still come.
    left: u64,
    /// The limit that was seen here to be exceeded. The command may end by itself before it is stopped for it, and then
    /// looks like one that did well.
    exceeded: Option<Limit>,
    /// Feeds the input; `None` once there is nothing more to feed.
    feed: Option<BoxFuture<'static, Fed>>,
    what: Described,
}

/// What the log calls it.
pub(super) struct Described {
    pub name: String,
    pub log_stderr: bool,
}

/// How feeding ended.
enum Fed {
    /// All of it was read by the command, or by nobody because the command wanted no more.
    Whole,
    /// It is more than a command may read.
    TooMuch,
    /// It broke off, so that the command must not take it for the whole.
    Broken(String),
}

impl Output {
    pub(super) fn new(
        mut running: Running,
        limits: &Limits,
        what: Described,
        input: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let stdin = running.stdin.take();
        let stdout = running.stdout.take();
        let feed = Box::pin(feed(stdin, input, limits.stdin));
        let (left, buffer) = (limits.stdout, BytesMut::new());
        Self { running, stdout, buffer, left, exceeded: None, feed: Some(feed), what }
    }

    /// The next part of the output; `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExecutorError> {
        loop {
            let Some(stdout) = &mut self.stdout else { return Ok(None) };
            self.buffer.reserve(CHUNK);
            tokio::select! {
                read = stdout.read_buf(&mut self.buffer) => return self.took(read),
                fed = fed(&mut self.feed) => self.note(fed)?,
            }
        }
    }

    /// Counts what was read.
    fn took(&mut self, read: io::Result<usize>) -> Result<Option<Bytes>, ExecutorError> {
        let read = read.map_err(|_| ExecutorError::from(SandboxError::Broken))? as u64;
        if read > self.left {
            self.stop(Limit::Stdout);
        }
        if read == 0 || read > self.left {
            self.stdout = None;
            return Ok(None);
        }
        self.left -= read;
        Ok(Some(self.buffer.split().freeze()))
    }

    fn note(&mut self, fed: Fed) -> Result<(), ExecutorError> {
        self.feed = None;
        match fed {
            Fed::Whole => {}
            Fed::TooMuch => self.stop(Limit::Stdin),
            Fed::Broken(why) => return Err(broken(&why)),
        }
        Ok(())
    }

    fn stop(&mut self, limit: Limit) {
        self.exceeded.get_or_insert(limit);
        self.running.stop(limit);
    }

    /// Waits until the command has ended, after its output has. Gives what is left of the input to whoever has to see
    /// it through.
    pub async fn end(mut self) -> Result<(Ended, Rest), ExecutorError> {
        // A command may close its output and go on reading.
        while let Some(_unread) = self.next().await? {}
        let Self { running, exceeded, mut feed, what, .. } = self;
        let mut end = Box::pin(running.end());
        let ended = loop {
            tokio::select! {
                ended = &mut end => break ended,
                fed = fed(&mut feed) => {
                    feed = None;
                    match fed {
                        Fed::Whole => {}
                        // What is returned here drops the command, which kills it.
                        Fed::TooMuch => break Ok(killed_for(Limit::Stdin)),
                        Fed::Broken(why) => return Err(broken(&why)),
                    }
                }
            }
        };
        let mut ended = ended?;
        ended.limit = exceeded.or(ended.limit);
        if what.log_stderr && !ended.stderr.is_empty() {
            tracing::debug!(command = what.name, stderr = %String::from_utf8_lossy(&ended.stderr), "a command wrote");
        }
        tracing::debug!(
            command = what.name,
            exit = ?ended.exit,
            limit = ended.limit.map(Limit::name),
            duration_ms = ended.usage.time.as_millis(),
            "a command ended"
        );
        Ok((ended, Rest(feed)))
    }
}

fn broken(why: &str) -> ExecutorError {
    ExecutorError::Unavailable(format!("the input broke off: {why}"))
}

fn killed_for(limit: Limit) -> Ended {
    Ended { exit: Exit::Signal(KILL), limit: Some(limit), stderr: Bytes::new(), usage: Usage::default() }
}

/// Input that the command did not read. Over HTTP somebody still sends it, and reads the answer only afterwards.
pub struct Rest(Option<BoxFuture<'static, Fed>>);

impl Rest {
    /// Reads it to its end, however that looks.
    pub async fn discard(self) {
        if let Some(feed) = self.0 {
            feed.await;
        }
    }
}

/// Waits for the end of feeding; for good when there is nothing to feed.
async fn fed(feed: &mut Option<BoxFuture<'static, Fed>>) -> Fed {
    match feed {
        Some(feed) => feed.await,
        None => std::future::pending().await,
    }
}

/// Feeds `input` to the command. What it does not want any more is still taken, and counted.
async fn feed(
    mut stdin: Option<ChildStdin>,
    input: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    limit: u64,
) -> Fed {
    let mut input = std::pin::pin!(input);
    let mut left = limit;
    while let Some(chunk) = input.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return Fed::Broken(error.to_string()),
        };
        let Some(after) = left.checked_sub(chunk.len() as u64) else { return Fed::TooMuch };
        left = after;
        if let Some(pipe) = &mut stdin
            && pipe.write_all(&chunk).await.is_err()
        {
            // It has closed its input, as head does: no error.
            stdin = None;
        }
    }
    Fed::Whole
}
