//! Chains of hooks: whitelisted commands before and after the request, each piped into the next.
//!
//! A chain runs until it is done or until a hook fails whose policy is to try again. Then it says where it stands and
//! ends, so that nobody holds a worker while the time for the next try comes; who runs chains counts the retries.

mod error;
mod retries;
mod spec;

use std::time::{Duration, Instant};

pub use error::{Outcome, class_of_denied, command_failure};
pub use retries::{Retries, delay};
pub use spec::{HookSpecError, Policy, When, check, read};

use crate::failure::Failure;
use crate::hooks::{Command, Executor, ExecutorError};
use crate::spool::{Spool, Spools};

/// A hook of the spec, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What the user calls it.
    pub name: String,
    /// Which list it stands in.
    pub when: When,
    /// Its place in that list.
    pub index: usize,
    /// What to run.
    pub command: Command,
    /// What a failure means.
    pub policy: Policy,
}

/// Where a chain stands.
#[derive(Debug, Clone)]
pub struct Position {
    /// The hook that is next.
    pub next: usize,
    /// What it gets on its standard input.
    pub input: Spool,
}

impl Position {
    /// The start of a chain over `input`.
    pub fn start(input: Spool) -> Self {
        Self { next: 0, input }
    }
}

/// What came of a stage that runs hooks.
#[derive(Debug)]
pub enum Ran<T, J> {
    /// It is done.
    Done(T),
    /// A hook failed that wants another try: the rest of the work, and the failure if there is no other try.
    Again(Box<J>, Failure),
}

/// What runs hooks and expressions, and who is told about it.
pub struct Runner<'a> {
    /// Runs them.
    pub executor: &'a dyn Executor,
    /// Where their output goes.
    pub spools: &'a Spools,
    /// Told about everything that ran.
    pub observe: &'a (dyn Fn(&Execution<'_>) + Send + Sync),
}

/// Something that ran.
#[derive(Debug)]
pub struct Execution<'a> {
    /// What it was.
    pub what: What<'a>,
    /// Why it failed, if it did.
    pub error: Option<&'a ExecutorError>,
    /// How long it took, with the wait for its turn.
    pub duration: Duration,
}

/// What can run.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// A hook.
    Hook(&'a Hook),
    /// The assertions.
    Assertions,
    /// The transformation.
    Transform,
}

impl Runner<'_> {
    /// Runs what is left of a chain; gives the last output.
    pub async fn chain(&self, hooks: &[Hook], mut position: Position) -> Result<Ran<Spool, Position>, Failure> {
        while let Some(hook) = hooks.get(position.next) {
            let run = self.executor.run(&hook.command, &position.input, self.spools);
            match self.observed(What::Hook(hook), run).await {
                Ok(output) => position.input = output,
                Err(error) => match (hook.policy, Outcome::of(&error)) {
                    (Policy::Ignore, Outcome::Failed | Outcome::NotAllowed) => {}
                    (Policy::Retry, Outcome::Failed) => {
                        return Ok(Ran::Again(Box::new(position), error::hook_failure(hook, &error)));
                    }
                    _ => return Err(error::hook_failure(hook, &error)),
                },
            }
            position.next += 1;
        }
        Ok(Ran::Done(position.input))
    }

    /// Runs something and tells what came of it.
    pub async fn observed<T>(
        &self,
        what: What<'_>,
        run: impl Future<Output = Result<T, ExecutorError>>,
    ) -> Result<T, ExecutorError> {
        let started = Instant::now();
        let result = run.await;
        (self.observe)(&Execution { what, error: result.as_ref().err(), duration: started.elapsed() });
        result
    }
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
