//! How a child is started: hermetic environment, log file, death with its parent.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use super::Process;
use crate::{background, run_dir};

/// What a child gets of the test run's environment. All else, a proxy above all, must not change what a test sees;
/// the last two let coverage tools and panics in the child work.
const PASSED_ON: [&str; 5] = ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];

/// Collects how a child is to be started.
#[derive(Debug)]
pub struct ProcessBuilder {
    name: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    inherit_env: bool,
    current_dir: Option<PathBuf>,
    log: Option<PathBuf>,
    user: Option<u32>,
}

impl ProcessBuilder {
    /// A child with this program; the name is for messages and for its log file.
    pub fn new(name: &str, program: impl AsRef<Path>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            inherit_env: false,
            current_dir: None,
            log: None,
            user: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable. Of the test run's own only a few are passed on (PATH, HOME, TMPDIR).
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(self, envs: impl IntoIterator<Item = (K, V)>) -> Self {
        envs.into_iter().fold(self, |builder, (key, value)| builder.env(key, value))
    }

    /// Passes the whole environment of the test run on.
    #[must_use]
    pub fn inherit_env(mut self) -> Self {
        self.inherit_env = true;
        self
    }

    /// The folder it runs in.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.current_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// Where stdout and stderr go; a file of its own in the run's folder by default.
    #[must_use]
    pub fn log(mut self, file: impl AsRef<Path>) -> Self {
        self.log = Some(file.as_ref().to_owned());
        self
    }

    /// Runs it as this user and group, and in no other group. Only root can; others run it as themselves.
    #[must_use]
    pub fn user(mut self, id: u32) -> Self {
        self.user = Some(id);
        self
    }

    /// Starts it.
    pub fn spawn(self) -> Result<Process> {
        let log = match self.log.clone() {
            Some(log) => log,
            None => default_log(&self.name)?,
        };
        // A program that is started again must not wipe out why it ended.
        let stdout = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot create the log {}", log.display()))?;
        let stderr = stdout.try_clone().context("cannot share a log between stdout and stderr")?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        die_with_parent(&mut command);
        let child = background::spawn(command)
            .with_context(|| format!("cannot start {} ({})", self.name, self.program.display()))?;
        Ok(Process::new(self.name, child, log))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if !self.inherit_env {
            command.env_clear();
            command.envs(PASSED_ON.iter().filter_map(|key| Some((key, std::env::var_os(key)?))));
        }
        command.args(&self.args).envs(self.env.iter().map(|(key, value)| (key, value)));
        if let Some(folder) = &self.current_dir {
            command.current_dir(folder);
        }
        if let Some(id) = self.user.filter(|_| rustix::process::geteuid().is_root()) {
            command.uid(id).gid(id);
        }
        command
    }
}

fn default_log(name: &str) -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    Ok(run_dir::path()?.join(format!("{name}-{}.log", NUMBER.fetch_add(1, Ordering::Relaxed))))
}

/// Makes the kernel kill the child when the thread that spawns it ends, which is the one of `background`.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use rustix::io::Errno;
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let before_exec = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // A parent that died before the call above will never be noticed by the kernel.
        if getppid() == Some(parent) { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    #[expect(unsafe_code, reason = "there is no safe way to run code between fork and exec")]
    // SAFETY: only system calls, no allocation, no lock: sound between fork and exec.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Elsewhere a child ends with its handle; a test run that is killed there leaves its children behind.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
