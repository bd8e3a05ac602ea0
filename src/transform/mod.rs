//! Transformations and assertions: jq and CEL over a document, without a command in any image.
//!
//! A user's expression can overflow a stack, exit the process, read its environment, or never end. So nothing of this
//! is evaluated in the process that is asked for it: it runs in a child, in the sandbox, and what it may do to that
//! child is the child's affair. [`frame`] is what such a child reads, [`builtin()`] what it is.

mod builtin;
mod cel;
mod commands;
mod document;
mod evaluate;
mod files;
pub mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod jq;
mod problem;
mod program;
mod stack;
mod value;

pub use builtin::builtin;
pub use program::{Assertions, Output, Problem, ProblemKind, Program, Step, Steps};
