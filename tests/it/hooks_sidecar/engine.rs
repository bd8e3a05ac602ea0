//! The engine in this process, where a test can hold what the sidecar never lets go of.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use flux_externalsource::hooks::whitelist::{Finder, User};
use flux_externalsource::hooks::{Command, Embedded, EngineSettings, Executor as _, ExecutorError, Output, Rules};
use flux_externalsource::sandbox::{Limit, Limits, Sandbox, SandboxSettings};
use futures::stream;
use tempfile::TempDir;
use testbed::eventually;

use super::lifecycle::running;
use super::sidecar::{WHITELIST, input, script, spools};
use crate::harness::{BINARY, SOON};

/// What a command may write, and read.
const LIMIT: u64 = 10;

struct Engine {
    embedded: Embedded,
    /// The name that its wrappers run under, and nobody else.
    wrapper: String,
    _folder: TempDir,
}

impl Engine {
    /// One that runs one command at once.
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let wrapper = folder.path().join("wrapper");
        if fs::hard_link(BINARY, &wrapper).is_err() {
            fs::copy(BINARY, &wrapper)?;
        }
        let (work, whitelist) = (folder.path().join("work"), folder.path().join("whitelist.yaml"));
        fs::create_dir(&work)?;
        fs::write(&whitelist, WHITELIST)?;
        let limits = Limits {
            time: SOON,
            cpu: Duration::from_secs(30),
            memory: 128 << 20,
            processes: 32,
            files: 128,
            disk: 8 << 20,
            stdin: LIMIT,
            stdout: LIMIT,
            stderr: 1024,
        };
        let settings = EngineSettings {
            default_timeout: SOON,
            max_timeout: Duration::from_secs(600),
            transform_timeout: SOON,
            max_concurrent: 1,
            limits,
            log_stderr: false,
        };
        let sandbox = Sandbox::new(SandboxSettings { wrapper: wrapper.clone(), ..SandboxSettings::new(work) })?;
        let rules = Rules::open(whitelist, Finder::new(User::of_process(true)));
        let embedded = Embedded::new(rules.into(), sandbox, settings, None);
        Ok(Self { embedded, wrapper: wrapper.display().to_string(), _folder: folder })
    }

    async fn start(&self, command: &Command, input: &'static [u8]) -> Result<Output> {
        let job = self.embedded.admit(command)?;
        let input = stream::iter([Ok(Bytes::from_static(input))]);
        Ok(self.embedded.start(self.embedded.turn().await?, job, input)?)
    }

    async fn until_ended(&self) -> Result<()> {
        eventually("the command to end", SOON, async || {
            let found = running(&self.wrapper)?;
            ensure!(found == 0, "{found} wrappers");
            Ok(())
        })
        .await
    }
}

#[tokio::test]
async fn one_byte_too_many_is_no_success_although_the_command_has_ended_well() -> Result<()> {
    let engine = Engine::new()?;
    let mut output = engine.start(&script("printf 12345678901"), b"").await?;
    // Nothing is read before: it has ended when its output turns out to be too much, and nobody can stop it any more.
    engine.until_ended().await?;
    ensure!(output.next().await?.is_none(), "output beyond the limit was given");
    let (ended, _) = output.end().await?;
    ensure!(ended.limit == Some(Limit::Stdout), "{ended:?}");

    let ran = engine.embedded.run(&script("printf 12345678901"), &input(""), &spools()).await;
    ensure!(matches!(ran, Err(ExecutorError::Limit(Limit::Stdout))), "{ran:?}");
    let whole = engine.embedded.run(&script("printf 1234567890"), &input(""), &spools()).await?;
    ensure!(whole.len() == LIMIT, "{} bytes", whole.len());
    Ok(())
}

#[tokio::test]
async fn one_byte_of_input_too_many_is_no_success_although_the_command_ends_well() -> Result<()> {
    let engine = Engine::new()?;
    for _ in 0..20 {
        // Ends by itself as soon as its input does, which is cut off at the limit.
        let output = engine.start(&script("read -r line; exec >&-; exit 0"), b"12345678901").await?;
        let (ended, _) = output.end().await?;
        ensure!(ended.limit == Some(Limit::Stdin), "{ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_place_is_free_when_nothing_runs_there_any_more() -> Result<()> {
    let engine = Engine::new()?;
    let marker = format!("marker-{}", fastrand::u64(..));
    for _ in 0..5 {
        let endless = script(&format!("for i in 1 2 3 4; do bash -c 'sleep 600; : {marker}' & done; printf x; wait"));
        let mut output = engine.start(&endless, b"").await?;
        ensure!(output.next().await?.is_some(), "it has not begun");
        ensure!((engine.embedded.running(), running(&marker)? > 0) == (1, true), "it does not run");
        drop(output);
        let _turn = engine.embedded.turn().await?;
        let (programs, wrappers) = (running(&marker)?, running(&engine.wrapper)?);
        ensure!((programs, wrappers) == (0, 0), "{programs} programs and {wrappers} wrappers still run");
    }
    Ok(())
}
