//! Starts the sidecar, and asks it in its own words.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::hooks::{Command, Endpoint, Remote, RemoteSettings};
use flux_externalsource::spool::{Spool, Spools};
use tempfile::TempDir;
use testbed::{Process, ProcessBuilder};

use super::http::{Answer, ask};
use crate::harness::{BINARY, SOON};

/// The user that the sidecar runs as; nobody else's.
pub const USER: u32 = 65_532;

/// What most tests allow.
pub const WHITELIST: &str = r#"
commands:
  bash: {allowed: true}
  cat: {allowed: true, argumentPatterns: ["-n"]}
  head: {allowed: true, argumentPatterns: ["-n", "\\d+"]}
  jq: {allowed: true}
  rm: {allowed: false}
"#;

/// A running sidecar and the folder that all of it is in.
pub struct Sidecar {
    pub process: Process,
    pub socket: PathBuf,
    pub whitelist: PathBuf,
    pub folder: TempDir,
}

/// A folder with a whitelist in it, for sidecars that are yet to be started.
pub struct Place {
    pub folder: TempDir,
    binary: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Place {
    /// The binary lies where another user can run it, and the sidecar's own folders belong to it.
    pub fn new(whitelist: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let binary = folder.path().join("flux-externalsource");
        if fs::hard_link(BINARY, &binary).is_err() {
            // Not by this process: what it forks at the same time would hold the file open for writing.
            let copied = std::process::Command::new("cp").arg(BINARY).arg(&binary).status()?;
            ensure!(copied.success(), "the binary could not be copied: {copied}");
        }
        for name in ["run", "work", "etc"] {
            let path = folder.path().join(name);
            fs::create_dir(&path)?;
            if name != "etc" && is_root() {
                chown(&path, Some(USER), Some(USER))?;
            }
        }
        fs::write(folder.path().join("etc/whitelist.yaml"), whitelist)?;
        Ok(Self { folder, binary, environment: Vec::new() })
    }

    /// With one more setting.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("run/hooks.sock")
    }

    /// A sidecar here, without waiting for it.
    pub fn spawn(&self) -> Result<Process> {
        let usual = [
            ("HOOK_EXECUTOR_ENDPOINT", format!("unix://{}", self.socket().display())),
            ("HOOK_WHITELIST_PATH", self.path("etc/whitelist.yaml").display().to_string()),
            ("HOOK_WORK_DIR", self.path("work").display().to_string()),
            ("LOG_LEVEL", "info,flux_externalsource=debug".to_owned()),
        ];
        ProcessBuilder::new("hook-executor", &self.binary)
            .arg("hook-executor")
            .envs(usual)
            .envs(self.environment.clone())
            .user(USER)
            .spawn()
    }

    /// A sidecar here, that answers.
    pub async fn start(self) -> Result<Sidecar> {
        let process = self.spawn()?;
        let socket = self.socket();
        until_ready(&process, &socket).await?;
        not_root(&process)?;
        Ok(Sidecar { process, socket, whitelist: self.path("etc/whitelist.yaml"), folder: self.folder })
    }
}

/// Waits until a sidecar answers there.
pub async fn until_ready(process: &Process, socket: &Path) -> Result<()> {
    let probe = || async move {
        let answer = ask(socket, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    };
    process.until_ready(SOON, probe).await
}

impl Sidecar {
    /// One that allows this.
    pub async fn start(whitelist: &str) -> Result<Self> {
        Place::new(whitelist)?.start().await
    }

    /// Sends bytes, and reads the answer.
    pub async fn ask(&self, request: &[u8]) -> Result<Answer> {
        ask(&self.socket, request).await
    }

    /// What the controller asks it with.
    pub fn remote(&self) -> Remote {
        remote(&self.socket)
    }

    /// Bytes of memory that it ever held at once.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }
}

/// A client of the sidecar at this socket.
pub fn remote(socket: &Path) -> Remote {
    remote_with(socket, 100)
}

/// One that asks for so many commands at once.
pub fn remote_with(socket: &Path, max_concurrent: usize) -> Remote {
    Remote::new(RemoteSettings {
        endpoint: Endpoint::Unix(socket.to_owned()),
        default_timeout: Duration::from_secs(30),
        transform_timeout: Duration::from_secs(30),
        max_concurrent,
        max_output: 1 << 30,
    })
}

pub fn spools() -> Spools {
    Spools::new(64 * 1024, std::env::temp_dir())
}

pub fn input(bytes: impl Into<Vec<u8>>) -> Spool {
    Spools::from_bytes(bytes.into())
}

pub fn command(name: &str, args: &[&str]) -> Command {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Command { name: name.to_owned(), args, env: Vec::new(), timeout: None }
}

/// A script for bash, which the usual whitelist allows to do anything.
pub fn script(text: &str) -> Command {
    command("bash", &["-c", text])
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| std::os::unix::fs::MetadataExt::uid(&found) == 0)
}

/// What is refused to root says nothing.
fn not_root(process: &Process) -> Result<()> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid()))?;
    for field in ["Uid:", "Gid:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no ids")?;
        ensure!(line.split_whitespace().all(|id| id != "0"), "the sidecar runs as root: {field}{line}");
    }
    Ok(())
}
