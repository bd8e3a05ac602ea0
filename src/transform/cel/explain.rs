//! Errors of CEL, without any value: names of types, functions, and what stands in the expression.

use cel::{ExecutionError, ParseErrors};

use super::super::program::ProblemKind;
use super::Failure;

/// The first of the errors: others follow from it more often than not.
pub(super) fn syntax(errors: &ParseErrors) -> String {
    match errors.errors.first() {
        Some(error) => format!("{} at line {}, column {}", error.msg, error.pos.0, error.pos.1),
        None => "it cannot be read".to_owned(),
    }
}

/// Why an expression has no result.
pub(super) fn execution(error: &ExecutionError, source: &str) -> Failure {
    use ExecutionError as E;
    use ProblemKind::{Evaluation, Expression};
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the enum is not exhaustive, and an unknown error may hold values"
    )]
    match error {
        E::UndeclaredReference(name) => (Expression, format!("{name} is not defined")),
        E::InvalidArgumentCount { expected, actual } => {
            (Expression, format!("a function takes {expected} arguments and got {actual}"))
        }
        E::MissingArgumentOrTarget => (Expression, "a function was called without what it works on".to_owned()),
        E::NotSupportedAsMethod { method, target } => {
            (Evaluation, format!("{method} cannot be called on a {}", target.type_of()))
        }
        // Types only.
        E::NoSuchOverload(error) => (Evaluation, error.to_string()),
        E::UnexpectedType { want, .. } if is_name(want) => {
            (Evaluation, format!("a value is of another type than {want}"))
        }
        E::NoSuchKey(key) if stands_in(source, key) => (Evaluation, format!("there is no key \"{key}\"")),
        E::NoSuchKey(_) => (Evaluation, "a key that the expression looks for is not there".to_owned()),
        E::ValuesNotComparable(left, right) => {
            (Evaluation, format!("a {} cannot be compared with a {}", left.type_of(), right.type_of()))
        }
        E::UnsupportedBinaryOperator(operator, left, right) => {
            (Evaluation, format!("{operator} cannot be applied to a {} and a {}", left.type_of(), right.type_of()))
        }
        E::UnsupportedIndex(index, value) => {
            (Evaluation, format!("a {} cannot be indexed by a {}", value.type_of(), index.type_of()))
        }
        E::UnsupportedKeyType(key) => (Evaluation, format!("a {} cannot be a key", key.type_of())),
        E::UnsupportedTargetType { target } => {
            (Evaluation, format!("a function does not work on a {}", target.type_of()))
        }
        // Its message may quote an argument.
        E::FunctionError { function, .. } => (Evaluation, format!("{function} failed")),
        E::DivisionByZero(_) | E::RemainderByZero(_) => (Evaluation, "division by zero".to_owned()),
        E::Overflow(operator, ..) => (Evaluation, format!("the result of {operator} is too large")),
        E::IndexOutOfBounds(_) => (Evaluation, "an index is out of bounds".to_owned()),
        E::DuplicateKey(_) => (Evaluation, "a map has the same key twice".to_owned()),
        _ => (Evaluation, "it failed".to_owned()),
    }
}

/// Whether this is the name of a type and no more.
fn is_name(text: &str) -> bool {
    text.len() < 32 && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ' || c == '_')
}

/// Whether the expression itself spells this key, so that showing it tells nothing of the document.
fn stands_in(source: &str, key: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !key.is_empty()
        && source.match_indices(key).any(|(at, _)| {
            let before = source[..at].chars().next_back();
            let after = source[at + key.len()..].chars().next();
            matches!(before, Some('.' | '"' | '\'')) && !after.is_some_and(is_part)
        })
}
