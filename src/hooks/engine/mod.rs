//! Runs what the whitelist allows in the sandbox, in this process: the sidecar's own part, and all that `local` and
//! `render` need.

mod output;
mod slots;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};

pub use output::{Output, Rest};
pub use slots::{PATIENCE, Slot};

use self::output::Described;
use self::slots::Slots;
use super::rules::Rules;
use super::whitelist::{Denial, Executable};
use super::{Command, Executor, ExecutorError, egress};
use crate::sandbox::{Ended, Exit, Limit, Limits, Program as Executed, Sandbox, SandboxError};
use crate::spool::{Spool, Spools};
use crate::transform::{Problem, Program, frame};

/// What commands get.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Time limit of a command that names none.
    pub default_timeout: Duration,
    /// Longest time limit; longer ones are cut to this.
    pub max_timeout: Duration,
    /// Time limit of a transformation that names none.
    pub transform_timeout: Duration,
    /// Commands at once, and transformations beside them.
    pub max_concurrent: usize,
    /// What a command may use; its time is its own.
    pub limits: Limits,
    /// Write what commands write to standard error to the debug log.
    pub log_stderr: bool,
}

/// Runs commands in this process's sandbox.
pub struct Embedded {
    rules: Arc<Rules>,
    sandbox: Sandbox,
    settings: EngineSettings,
    /// Where commands that may use the network find it.
    proxy: Option<SocketAddr>,
    commands: Slots,
    /// Places of their own: commands may take minutes, and whatever is slow there must not stop what takes moments.
    transformations: Slots,
}

/// What may run, ready to be started.
#[derive(Debug)]
pub struct Job {
    name: String,
    program: Executed,
    timeout: Duration,
}

impl Embedded {
    /// Runs what `rules` allow in `sandbox`; through `proxy` where a command may use the network.
    pub fn new(rules: Arc<Rules>, sandbox: Sandbox, settings: EngineSettings, proxy: Option<SocketAddr>) -> Self {
        let commands = Slots::new("commands", settings.max_concurrent);
        let transformations = Slots::new("transformations", settings.max_concurrent);
        Self { rules, sandbox, settings, proxy, commands, transformations }
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The settings.
    pub fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// Commands and transformations that run.
    pub fn running(&self) -> usize {
        self.commands.running() + self.transformations.running()
    }

    /// Callers that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.commands.waiting() + self.transformations.waiting()
    }

    /// Whether a command may run, and what that is.
    pub fn admit(&self, command: &Command) -> Result<Job, Denial> {
        // Asked first: once there is a file, it is in force before it is said to be.
        if let Some(why) = self.rules.unusable() {
            return Err(Denial::NoWhitelist(why));
        }
        let allowed = self.rules.current().check(command)?;
        let (path, mut args) = match allowed.program {
            Executable::File(path) => (path, Vec::new()),
            Executable::BuiltIn(built_in) => (Sandbox::own_executable(), built_in_args(built_in.name())),
        };
        args.extend(command.args.iter().cloned());
        let proxy = self.proxy.filter(|_| allowed.network);
        let mut env = command.env.clone();
        env.extend(proxy.into_iter().flat_map(egress::variables));
        Ok(Job {
            name: command.name.clone(),
            program: Executed { path, args, env, proxy },
            timeout: command.timeout.unwrap_or(self.settings.default_timeout).min(self.settings.max_timeout),
        })
    }

    /// A transformation, whose input is the frame of a program and a document.
    pub fn transformation(&self, timeout: Option<Duration>) -> Job {
        let program = Executed {
            path: Sandbox::own_executable(),
            args: built_in_args("transform"),
            env: Vec::new(),
            proxy: None,
        };
        let timeout = timeout.unwrap_or(self.settings.transform_timeout).min(self.settings.max_timeout);
        Job { name: "transform".into(), program, timeout }
    }

    /// Waits until it is the caller's turn to run a command.
    pub async fn turn(&self) -> Result<Slot, ExecutorError> {
        self.commands.take().await.map_err(|busy| ExecutorError::Unavailable(busy.to_string()))
    }

    /// Waits until it is the caller's turn to run a transformation.
    pub async fn transformation_turn(&self) -> Result<Slot, ExecutorError> {
        self.transformations.take().await.map_err(|busy| ExecutorError::Unavailable(busy.to_string()))
    }

    /// Starts it over `input`. The slot is free again when nothing of it runs any more, whenever its output is dropped.
    pub fn start(
        &self,
        slot: Slot,
        job: Job,
        input: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Output, ExecutorError> {
        let limits = Limits { time: job.timeout, ..self.settings.limits.clone() };
        let running = self.sandbox.start_holding(slot, &job.program, &limits)?;
        let what = Described { name: job.name, log_stderr: self.settings.log_stderr };
        Ok(Output::new(running, &limits, what, input))
    }

    /// Runs it over `input` and keeps its output.
    async fn complete(
        &self,
        slot: Slot,
        job: Job,
        input: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        spools: &Spools,
    ) -> Result<(Spool, Ended), ExecutorError> {
        let mut output = self.start(slot, job, input)?;
        let mut writer = spools.writer();
        while let Some(chunk) = output.next().await? {
            writer.write(&chunk).await?;
        }
        let (ended, _rest) = output.end().await?;
        Ok((writer.finish().await?, ended))
    }

    fn check_size(&self, size: u64) -> Result<(), ExecutorError> {
        if size > self.settings.limits.stdin { Err(ExecutorError::Limit(Limit::Stdin)) } else { Ok(()) }
    }
}

#[async_trait]
impl Executor for Embedded {
    async fn run(&self, command: &Command, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError> {
        let job = self.admit(command)?;
        self.check_size(input.len())?;
        let (output, ended) = self.complete(self.turn().await?, job, input.stream(None), spools).await?;
        verdict(ended.exit, ended.limit, None).map(|()| output)
    }

    async fn transform(&self, program: &Program, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError> {
        let prefix = Bytes::from(frame::prefix(program)?);
        self.check_size(prefix.len() as u64 + input.len())?;
        let framed = stream::iter([Ok(prefix)]).chain(input.stream(None));
        let (output, ended) =
            self.complete(self.transformation_turn().await?, self.transformation(None), framed, spools).await?;
        verdict(ended.exit, ended.limit, problem_of(&ended)).map(|()| output)
    }

    async fn health(&self) -> Result<Option<String>, ExecutorError> {
        Ok(self.rules.problem())
    }
}

/// What the end of a program means for its output.
pub(super) fn verdict(exit: Exit, limit: Option<Limit>, problem: Option<Problem>) -> Result<(), ExecutorError> {
    match (limit, problem, exit) {
        (Some(limit), _, _) => Err(ExecutorError::Limit(limit)),
        (None, Some(problem), _) => Err(ExecutorError::Problem(problem)),
        (None, None, Exit::Code(0)) => Ok(()),
        (None, None, exit) => Err(ExecutorError::Failed(exit)),
    }
}

/// Why a transformation has no result, when it is that which it said. Anything else that it wrote is not passed on.
pub fn problem_of(ended: &Ended) -> Option<Problem> {
    if ended.exit != Exit::Code(1) {
        return None;
    }
    serde_json::from_slice(&ended.stderr).ok()
}

fn built_in_args(name: &str) -> Vec<String> {
    vec!["builtin".to_owned(), name.to_owned()]
}

impl From<SandboxError> for ExecutorError {
    fn from(error: SandboxError) -> Self {
        match error {
            // It is not there any more, or is for another machine: only another image or whitelist helps.
            SandboxError::Program(_) => Self::NotAllowed(error.to_string()),
            SandboxError::TooLong => Self::Invalid(error.to_string()),
            SandboxError::Unsupported
            | SandboxError::Unconfined(_)
            | SandboxError::WorkDir { .. }
            | SandboxError::Start(_)
            | SandboxError::Broken => Self::Unavailable(error.to_string()),
        }
    }
}
