//! Running commands and transformations over documents: what may run, and who runs it.

pub mod egress;
mod endpoint;
mod engine;
mod nobody;
mod remote;
mod rules;
pub mod whitelist;
pub mod wire;

pub use endpoint::Endpoint;
pub use engine::{Embedded, EngineSettings, Job, Output, PATIENCE, Rest, Slot, problem_of};
pub use nobody::Nobody;
pub use remote::{Remote, RemoteSettings};
pub use rules::Rules;

use std::time::Duration;

use async_trait::async_trait;

use crate::sandbox::{Exit, Limit};
use crate::spool::{Spool, Spools};
use crate::transform::{Problem, Program};

/// A command as a hook names it. `Debug` shows no value that may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The exact name in the whitelist.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Time limit; `None`: the executor's default.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("name", &self.name).field("args", &self.args.len()).finish_non_exhaustive()
    }
}

/// Why there is no output. No message carries an argument, a value of the environment, or anything the command wrote.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The executor cannot be reached, is busy, or broke off.
    #[error("the hook executor is unavailable: {0}")]
    Unavailable(String),
    /// The whitelist has no such command, or forbids it.
    #[error("{0}")]
    NotAllowed(String),
    /// The request itself cannot be carried out as it stands.
    #[error("{0}")]
    Invalid(String),
    /// The command ended without success.
    #[error("{}", describe(*.0))]
    Failed(Exit),
    /// A limit ended the command.
    #[error("exceeded its {} limit", .0.name())]
    Limit(Limit),
    /// The transformation has no result.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// Input or output could not be spooled.
    #[error("input or output could not be kept: {0}")]
    Spool(#[from] std::io::Error),
}

fn describe(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("ended with exit code {code}"),
        Exit::Signal(signal) => format!("was killed by signal {signal}"),
    }
}

/// Who runs commands. Shared by all sources; bounded by itself: a caller waits for its turn.
#[async_trait]
pub trait Executor: Send + Sync + 'static {
    /// Runs a whitelisted command over `input`; gives its complete standard output. Dropping the future ends the
    /// command.
    async fn run(&self, command: &Command, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError>;

    /// Evaluates a program over `input`.
    async fn transform(&self, program: &Program, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError>;

    /// Whether it can be asked, and what is odd about it (a whitelist that could not be read, for example).
    async fn health(&self) -> Result<Option<String>, ExecutorError>;
}
