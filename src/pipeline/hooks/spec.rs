//! Reads `spec.hooks`: what the schema lets through and no executor could run is found here, before anything runs.

use std::fmt;

use super::Hook;
use crate::api::conditions::reasons;
use crate::api::duration::{self, InvalidDuration};
use crate::api::external_source;
use crate::api::{ExternalSourceSpec, external_source::Hooks};
use crate::failure::{Class, Failure};
use crate::hooks::Command;

/// The two lists of hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the request.
    PreRequest,
    /// Over the answer.
    PostRequest,
}

impl When {
    /// Name of the list in the spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreRequest => "preRequest",
            Self::PostRequest => "postRequest",
        }
    }

    fn list(self, hooks: &Hooks) -> &[external_source::Hook] {
        match self {
            Self::PreRequest => &hooks.pre_request,
            Self::PostRequest => &hooks.post_request,
        }
    }
}

/// What a hook's failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The next hook gets what this one got.
    Ignore,
    /// It is tried again while there are retries left.
    Retry,
    /// The run fails.
    Fail,
}

impl Policy {
    /// As in the spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Retry => "retry",
            Self::Fail => "fail",
        }
    }
}

/// A field of a hook that cannot work. Shows no argument and no variable's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.hooks.{place}.{problem}")]
pub struct HookSpecError {
    place: Place,
    problem: Problem,
}

/// A hook's place in the spec: `postRequest[1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    when: When,
    index: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.when.name(), self.index)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("name is required")]
    NoName,
    #[error("name has a control character")]
    Name,
    #[error("command is required")]
    NoCommand,
    #[error("command has a control character")]
    Command,
    #[error("args[{0}] has a NUL character, which no argument can hold")]
    Argument(usize),
    #[error("env[{0}].name is empty, or has an equals sign or a NUL character")]
    VariableName(usize),
    #[error("env[{0}].value has a NUL character, which no variable can hold")]
    VariableValue(usize),
    #[error("timeout {0:?} {1}")]
    Timeout(String, InvalidDuration),
    #[error("timeout {0:?} leaves no time at all")]
    NoTime(String),
    #[error("retryPolicy {0:?} is none of \"ignore\", \"retry\" and \"fail\"")]
    Policy(String),
}

impl From<HookSpecError> for Failure {
    fn from(error: HookSpecError) -> Self {
        Self { class: Class::Configuration, reason: reasons::INVALID_SPEC, message: error.to_string() }
    }
}

/// Checks all hooks.
pub fn check(spec: &ExternalSourceSpec) -> Result<(), HookSpecError> {
    read(spec, When::PreRequest)?;
    read(spec, When::PostRequest)?;
    Ok(())
}

/// The hooks of one list.
pub fn read(spec: &ExternalSourceSpec, when: When) -> Result<Vec<Hook>, HookSpecError> {
    let hooks = spec.hooks.as_ref().map(|hooks| when.list(hooks)).unwrap_or_default();
    hooks.iter().enumerate().map(|(index, hook)| read_one(hook, Place { when, index })).collect()
}

impl Hook {
    /// Its place in the spec.
    pub fn place(&self) -> Place {
        Place { when: self.when, index: self.index }
    }
}

fn read_one(hook: &external_source::Hook, place: Place) -> Result<Hook, HookSpecError> {
    let wrong = |problem| HookSpecError { place, problem };
    let policy = policy(hook.retry_policy.as_deref()).map_err(wrong)?;
    Ok(Hook {
        name: text(&hook.name, Problem::NoName, Problem::Name).map_err(wrong)?,
        when: place.when,
        index: place.index,
        command: command(hook).map_err(wrong)?,
        policy,
    })
}

fn command(hook: &external_source::Hook) -> Result<Command, Problem> {
    let name = text(&hook.command, Problem::NoCommand, Problem::Command)?;
    if let Some(index) = hook.args.iter().position(|arg| arg.contains('\0')) {
        return Err(Problem::Argument(index));
    }
    for (index, variable) in hook.env.iter().enumerate() {
        if variable.name.is_empty() || variable.name.contains(['=', '\0']) {
            return Err(Problem::VariableName(index));
        }
        if variable.value.contains('\0') {
            return Err(Problem::VariableValue(index));
        }
    }
    let env = hook.env.iter().map(|variable| (variable.name.clone(), variable.value.clone())).collect();
    let timeout = hook.timeout.as_deref().filter(|text| !text.is_empty()).map(timeout).transpose()?;
    Ok(Command { name, args: hook.args.clone(), env, timeout })
}

/// Something that messages and logs show.
fn text(text: &str, missing: Problem, wrong: Problem) -> Result<String, Problem> {
    match text {
        "" => Err(missing),
        text if text.chars().any(char::is_control) => Err(wrong),
        text => Ok(text.to_owned()),
    }
}

fn timeout(text: &str) -> Result<std::time::Duration, Problem> {
    match duration::parse(text) {
        Ok(timeout) if timeout.is_zero() => Err(Problem::NoTime(text.to_owned())),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(Problem::Timeout(text.to_owned(), error)),
    }
}

fn policy(word: Option<&str>) -> Result<Policy, Problem> {
    match word.unwrap_or_default() {
        "ignore" => Ok(Policy::Ignore),
        "retry" => Ok(Policy::Retry),
        "fail" | "" => Ok(Policy::Fail),
        other => Err(Problem::Policy(other.to_owned())),
    }
}
