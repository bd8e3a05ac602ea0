//! The value that jq programs work on: JSON as it is read and written here. Objects keep the order of their keys,
//! numbers the digits that they came with, and strings are always UTF-8.
//!
//! `Display` names the type and nothing else: every error of the interpreter is made of it, and an error must not carry
//! a value of the document.

mod arithmetic;
mod core;
mod index;
mod number;
mod object;
mod order;
pub(super) mod read;
mod update;
pub(super) mod write;
pub(super) mod yaml;

use std::fmt;
use std::rc::Rc;

pub(super) use index::{bounds, position, positions};
pub(super) use number::{Num, as_f64};
pub(super) use object::Object;

/// Deepest nesting of what is read and of what is written. No configuration comes near it, and each reader of what is
/// written here recurses: Go's JSON decoder stops at 10,000, others far earlier.
pub(super) const MAX_DEPTH: usize = 512;

/// A JSON value, cheap to copy.
#[derive(Clone, Debug, Default)]
pub(super) enum Val {
    /// `null`.
    #[default]
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number.
    Num(Num),
    /// A string.
    Str(Rc<str>),
    /// An array.
    Arr(Rc<Vec<Val>>),
    /// An object.
    Obj(Rc<Object>),
}

impl Val {
    /// Takes an array.
    pub fn array(items: Vec<Self>) -> Self {
        Self::Arr(Rc::new(items))
    }

    /// Takes an object.
    pub fn object(entries: Object) -> Self {
        Self::Obj(Rc::new(entries))
    }

    /// Copies a text.
    pub fn text(text: &str) -> Self {
        Self::Str(text.into())
    }

    /// What `type` says.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Num(_) => "number",
            Self::Str(_) => "string",
            Self::Arr(_) => "array",
            Self::Obj(_) => "object",
        }
    }

    /// As `tojson` writes it.
    pub fn to_json(&self) -> String {
        let mut json = Vec::new();
        // A Vec takes everything.
        let _ = write::json(&mut json, self, &write::Style::COMPACT);
        String::from_utf8(json).unwrap_or_default()
    }

    /// As `tostring` writes it.
    pub fn to_text(&self) -> Rc<str> {
        match self {
            Self::Str(text) => Rc::clone(text),
            other => other.to_json().into(),
        }
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

#[cfg(test)]
mod tests;
