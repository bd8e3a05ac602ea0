//! Child processes that die with the test run, even when that is killed with SIGKILL.

mod builder;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
pub use builder::ProcessBuilder;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(20);
const TAIL_LINES: usize = 30;

/// A running (or ended) child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    /// Signals are sent and the exit is collected under this lock, so a signal never goes to a recycled process id.
    child: Mutex<Child>,
}

impl Process {
    pub(crate) fn new(name: String, child: Child, log: PathBuf) -> Self {
        Self { name, pid: child.id(), log, child: Mutex::new(child) }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file that stdout and stderr go to.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All of stdout and stderr so far.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("cannot read the log {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of stdout and stderr, for error messages.
    pub fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_else(|error| format!("{error:#}"));
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// How it ended, or nothing while it runs.
    pub fn exit_status(&self) -> Result<Option<ExitStatus>> {
        self.child().try_wait().with_context(|| format!("cannot ask for the state of {}", self.name))
    }

    /// Sends a signal; one that comes too late is no error.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut child = self.child();
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("not a process id")?;
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }

    /// Sends SIGTERM and waits for the exit.
    pub async fn terminate(&self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(timeout).await
    }

    /// Sends SIGKILL and waits for the exit.
    pub async fn kill(&self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait(Duration::from_secs(10)).await
    }

    /// Waits for the exit.
    pub async fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("{} still runs after {timeout:?}; {}", self.name, self.describe_log());
            }
            sleep(POLL).await;
        }
    }

    /// Waits until the probe succeeds; fails at once, with the log's last lines, when the process ends before that.
    pub async fn until_ready<T, F>(&self, timeout: Duration, mut probe: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exit_status()? {
                bail!("{} ended with {status} instead of becoming ready; {}", self.name, self.describe_log());
            }
            match probe().await {
                Ok(value) => return Ok(value),
                Err(error) if Instant::now() >= deadline => {
                    return Err(error.context(format!(
                        "{} was not ready after {timeout:?}; {}",
                        self.name,
                        self.describe_log()
                    )));
                }
                Err(_) => sleep(POLL).await,
            }
        }
    }

    /// Waits until the log holds a text.
    pub async fn until_logged(&self, text: &str, timeout: Duration) -> Result<()> {
        let probe = || async move {
            ensure!(self.log()?.contains(text), "the log does not say {text:?}");
            Ok(())
        };
        self.until_ready(timeout, probe).await
    }

    fn describe_log(&self) -> String {
        format!("the end of {}:\n{}", self.log.display(), self.log_tail())
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child();
        // Fails only when it has ended already. Waiting keeps it from staying behind as a zombie.
        let _ = child.kill();
        let _ = child.wait();
    }
}
