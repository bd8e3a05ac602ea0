//! Why a command is not run, in words that say what to change. None of them holds an argument or a value.

use crate::hooks::ExecutorError;

/// Why a command is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No file could be used yet, so nobody knows what it would say.
    #[error("the whitelist cannot be used: {0}")]
    NoWhitelist(String),
    /// No such key.
    #[error("the whitelist has no command {}; commands are looked up by their exact name", quote(.0))]
    Unknown(String),
    /// `allowed` is not `true`.
    #[error("the whitelist forbids {}: it does not say \"allowed: true\"", quote(.0))]
    Forbidden(String),
    /// An argument that no pattern matches.
    #[error("argument {number} of {} matches none of its argumentPatterns, which have to match it from end to end", quote(.command))]
    Argument {
        /// The command.
        command: String,
        /// Which one, from 1.
        number: usize,
    },
    /// The program is nowhere.
    #[error("the whitelist allows {}, but there is no such program in {looked}", quote(.command))]
    NotInstalled {
        /// The command.
        command: String,
        /// Where it was looked for.
        looked: String,
    },
    /// The program could be replaced by somebody, or is none.
    #[error("the whitelist allows {}, but its program is not safe to run: {why}", quote(.command))]
    Unsafe {
        /// The command.
        command: String,
        /// What is wrong with it.
        why: String,
    },
    /// A variable that makes programs load or run something.
    #[error("the variable {} may not be set for a command", quote(.0))]
    Variable(String),
    /// More than a program can be started with.
    #[error("there are more than {0} arguments")]
    TooManyArguments(usize),
    /// Longer than Linux passes to a program.
    #[error("argument {0} is too long")]
    ArgumentTooLong(usize),
    /// Longer than Linux passes to a program.
    #[error("variable {0} is too long")]
    VariableTooLong(usize),
    /// Arguments end at a NUL.
    #[error("argument {0} holds a NUL character")]
    ArgumentNul(usize),
    /// More than is passed on.
    #[error("arguments and variables are longer than {0} bytes together")]
    TooLong(usize),
    /// More than anybody needs.
    #[error("there are more than {0} variables")]
    TooManyVariables(usize),
    /// No name of a variable.
    #[error("variable {0} has no usable name: letters, digits, _, - and . after a letter or _")]
    VariableName(usize),
    /// Only one of them could count.
    #[error("the variable {} is set twice", quote(.0))]
    VariableTwice(String),
    /// Values end at a NUL.
    #[error("the variable {} holds a NUL character", quote(.0))]
    VariableNul(String),
}

/// What a name is cut to in a message; somebody else wrote it.
const SHOWN: usize = 64;

fn quote(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN).collect();
    if shown.len() < name.len() {
        shown.push_str("...");
    }
    format!("{shown:?}")
}

impl Denial {
    /// Whether no whitelist could allow it.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::NoWhitelist(_)
            | Self::Unknown(_)
            | Self::Forbidden(_)
            | Self::Argument { .. }
            | Self::NotInstalled { .. }
            | Self::Unsafe { .. }
            | Self::Variable(_) => false,
            Self::TooManyArguments(_)
            | Self::ArgumentTooLong(_)
            | Self::VariableTooLong(_)
            | Self::ArgumentNul(_)
            | Self::TooLong(_)
            | Self::TooManyVariables(_)
            | Self::VariableName(_)
            | Self::VariableTwice(_)
            | Self::VariableNul(_) => true,
        }
    }

    /// For programs that read the answer.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoWhitelist(_) => "unavailable",
            Self::Unknown(_) => "unknownCommand",
            Self::NotInstalled { .. } | Self::Unsafe { .. } => "notInstalled",
            denial if denial.is_malformed() => "malformed",
            _ => "denied",
        }
    }
}

impl From<Denial> for ExecutorError {
    fn from(denial: Denial) -> Self {
        let text = denial.to_string();
        match denial {
            Denial::NoWhitelist(_) => Self::Unavailable(text),
            denial if denial.is_malformed() => Self::Invalid(text),
            _ => Self::NotAllowed(text),
        }
    }
}
