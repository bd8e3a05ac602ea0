//! Takes a document apart: JSON, of which several may follow each other, else YAML.

use super::program::Problem;
use super::value::read::{self, ReadError};
use super::value::{Val, yaml};

/// The text without the mark that some systems put in front of it.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// All documents of a body.
pub(super) fn documents(body: &[u8]) -> Result<Vec<Val>, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::input("the document is not UTF-8"))?;
    let text = without_mark(text);
    let error = match json(text) {
        Ok(documents) => return Ok(documents),
        // No use in reading it as YAML: that has the same limit.
        Err((problem, ReadError::Depth(_))) => return Err(problem),
        Err((problem, ReadError::Syntax(..))) => problem,
    };
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    yaml::documents(text).map_err(|failed| {
        if looks_like_json {
            return error;
        }
        let place = failed.0.map(|(line, column)| format!(" (line {line}, column {column})")).unwrap_or_default();
        Problem::input(format!("the document is neither JSON nor YAML{place}"))
    })
}

/// All JSON documents of a text.
pub(super) fn json(text: &str) -> Result<Vec<Val>, (Problem, ReadError)> {
    read::documents(text).map_err(|error| {
        let (line, column) = error.position(text.as_bytes());
        let message = format!("the document cannot be read as JSON: line {line}, column {column}: {error}");
        (Problem::input(message), error)
    })
}
