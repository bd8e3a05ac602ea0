//! Refuses content that would delete what it should update: with `prune: true` Flux deletes everything that an empty
//! artifact no longer names, and an API that has an outage often says 200 with nothing in it.
//!
//! Looked at more than once: `answer` judges what the origin sent, `result` what hooks and transformation made of it, and
//! `tree` what Flux would find.

mod answer;
mod tree;
mod yaml;

use std::io;

pub use answer::{Expected, answer, result};
pub use tree::tree;

use crate::api::conditions::reasons;

/// Content that must not replace what is advertised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a byte, or nothing but whitespace.
    #[error("the answer is empty; set spec.allowEmpty if that is meant")]
    EmptyAnswer,
    /// `[]`, `{}` or `null`.
    #[error("the answer is nothing but {0}; set spec.allowEmpty if that is meant")]
    EmptyValue(&'static str),
    /// Hooks and transformation left nothing.
    #[error("hooks and transformation made nothing of the answer; set spec.allowEmpty if that is meant")]
    EmptyResult,
    /// They left `[]`, `{}` or `null`.
    #[error("hooks and transformation made nothing but {0} of the answer; set spec.allowEmpty if that is meant")]
    EmptyResultValue(&'static str),
    /// A page for people: a login form, a proxy's error.
    #[error("the answer is an HTML page where data was asked for; for a page, end spec.destinationPath in .html")]
    HtmlBody,
    /// The same by its label.
    #[error(
        "the answer's Content-Type is HTML where data was asked for; for a page, end spec.destinationPath in .html"
    )]
    HtmlType,
    /// An archive of nothing, or `path` and `stripComponents` leave nothing of it.
    #[error(
        "the archive has no files after stripComponents and path of spec.generator.http.unpack; set spec.allowEmpty if \
         that is meant"
    )]
    NoFiles,
    /// A transformation that was to make files and made none.
    #[error("the transformation made no files; set spec.allowEmpty if that is meant")]
    NoOutputFiles,
    /// Manifests without a single object.
    #[error("none of the {0} YAML files has an object in it; set spec.allowEmpty if that is meant")]
    NoObjects(u64),
    /// There were manifests, and there are none any more.
    #[error(
        "the last YAML file is gone: what is advertised has {0}, and Flux would find nothing to apply; set \
         spec.allowEmpty if that is meant"
    )]
    ManifestsGone(u64),
}

impl Refusal {
    /// The condition's reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HtmlBody | Self::HtmlType => reasons::INVALID_CONTENT,
            _ => reasons::EMPTY_CONTENT,
        }
    }
}

/// Why content could not pass.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It was judged and refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nobody waits for the verdict any more.
    #[error("cancelled")]
    Cancelled,
}

#[cfg(test)]
mod tests;
