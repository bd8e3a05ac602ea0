//! What may run at all: commands by exact name, arguments by patterns.
//!
//! Reading a whitelist looks for the programs; checking a command looks at nothing but the command.

mod denial;
mod environment;
mod executable;
mod file;
mod pattern;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use denial::Denial;
pub use executable::{BuiltIn, Executable, FOLDERS, Finder, Unusable, User};
pub use file::MAX_FILE;
pub use pattern::PatternError;

use self::file::Rule;
use super::Command;

/// Arguments at once, as the API admits them.
pub const MAX_ARGUMENTS: usize = 256;

/// Bytes of one argument or variable: Linux' `MAX_ARG_STRLEN` without the NUL at its end.
pub const MAX_ARGUMENT: usize = 131_071;

/// Bytes of all of them: they travel in a header. Linux would take a few times more.
pub const MAX_TOTAL: usize = 256 * 1024;

/// A whitelist cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhitelistError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// More than anybody can review.
    #[error("is larger than {} KiB", MAX_FILE / 1024)]
    TooLarge,
    /// Not of this form.
    #[error("cannot be understood: {0}")]
    Yaml(String),
    /// More than are accepted.
    #[error("has more than {0} {1}")]
    TooMany(usize, &'static str),
    /// One command is wrong.
    #[error("command {name:?} {why}")]
    Command {
        /// The command.
        name: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What may run.
#[derive(Debug, Default)]
pub struct Whitelist {
    commands: BTreeMap<String, Entry>,
}

/// A rule and the program that it is about; none where the rule allows nothing.
#[derive(Debug)]
struct Entry {
    rule: Rule,
    program: Option<Result<Executable, Unusable>>,
}

/// A command that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// What to run.
    pub program: Executable,
    /// Whether it may use the network.
    pub network: bool,
}

impl Whitelist {
    /// Reads the rules and looks for the programs of what they allow.
    pub fn parse(text: &str, finder: &Finder) -> Result<Self, WhitelistError> {
        let entry = |(name, rule): (String, Rule)| {
            let program = rule.allowed.then(|| finder.find(&name, rule.path.as_deref()));
            (name, Entry { rule, program })
        };
        Ok(Self { commands: file::parse(text)?.into_iter().map(entry).collect() })
    }

    /// Commands that are named, allowed or not.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether no command is named.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether a command may run, and as what.
    pub fn check(&self, command: &Command) -> Result<Allowed, Denial> {
        let entry = self.commands.get(&command.name).ok_or_else(|| Denial::Unknown(command.name.clone()))?;
        if !entry.rule.allowed {
            return Err(Denial::Forbidden(command.name.clone()));
        }
        check_sizes(command)?;
        environment::check(&command.env)?;
        check_arguments(&entry.rule, command)?;
        let name = || command.name.clone();
        match &entry.program {
            Some(Ok(program)) => Ok(Allowed { program: program.clone(), network: entry.rule.network }),
            Some(Err(Unusable::Unsafe(why))) => Err(Denial::Unsafe { command: name(), why: why.clone() }),
            Some(Err(Unusable::Missing(looked))) => {
                Err(Denial::NotInstalled { command: name(), looked: looked.clone() })
            }
            None => Err(Denial::Forbidden(name())),
        }
    }

    /// What is allowed and cannot run here or allows more than it seems: whoever wrote the whitelist wants to know. Each
    /// with the name of the command that it is about.
    pub fn warnings(&self) -> Vec<(&str, String)> {
        let mut warnings = Vec::new();
        for (name, entry) in &self.commands {
            match &entry.program {
                None => continue,
                Some(Ok(_)) => {}
                Some(Err(Unusable::Missing(looked))) => {
                    let why = format!("{name:?} is allowed, but there is no such program in {looked}");
                    warnings.push((name.as_str(), why));
                }
                Some(Err(Unusable::Unsafe(why))) => {
                    let why = format!("{name:?} is allowed, but its program is not safe to run: {why}");
                    warnings.push((name.as_str(), why));
                }
            }
            if entry.rule.patterns.is_empty() {
                let why = format!("{name:?} has no argumentPatterns: every argument is allowed");
                warnings.push((name.as_str(), why));
            }
        }
        warnings
    }
}

fn check_sizes(command: &Command) -> Result<(), Denial> {
    if command.args.len() > MAX_ARGUMENTS {
        return Err(Denial::TooManyArguments(MAX_ARGUMENTS));
    }
    for (index, argument) in command.args.iter().enumerate() {
        if argument.len() > MAX_ARGUMENT {
            return Err(Denial::ArgumentTooLong(index + 1));
        }
        if argument.contains('\0') {
            return Err(Denial::ArgumentNul(index + 1));
        }
    }
    let variables = command.env.iter().map(|(name, value)| name.len() + 1 + value.len());
    let mut total = 0;
    for (index, length) in variables.enumerate() {
        if length > MAX_ARGUMENT {
            return Err(Denial::VariableTooLong(index + 1));
        }
        total += length;
    }
    total += command.args.iter().map(String::len).sum::<usize>();
    if total > MAX_TOTAL { Err(Denial::TooLong(MAX_TOTAL)) } else { Ok(()) }
}

fn check_arguments(rule: &Rule, command: &Command) -> Result<(), Denial> {
    if rule.patterns.is_empty() {
        return Ok(());
    }
    let denied =
        command.args.iter().position(|argument| !rule.patterns.iter().any(|pattern| pattern.matches(argument)));
    denied.map_or(Ok(()), |index| Err(Denial::Argument { command: command.name.clone(), number: index + 1 }))
}
