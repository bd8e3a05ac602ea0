//! Errors of a running program, without any value. `Display` of our values names types only, and that is what the
//! interpreter's own errors are made of; what `error(...)` was given is shown only when it stands in the program.

use jaq_core::Exn;

use super::super::value::Val;
use super::regexes;

/// Messages of our own functions, which hold nothing.
const OURS: &[&str] = &[
    "cannot divide by zero",
    "the repeated string is too long",
    "the index is out of bounds",
    "no more inputs",
    "the text cannot be read as JSON",
    "the text cannot be read as a number",
    "the text is not base32",
    regexes::BAD_FLAG,
    regexes::BAD_REGEX,
];

const NAMES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// What ended a run.
pub(super) fn exception(exception: Exn<'_, Val>, source: &str) -> String {
    // There is neither `halt` nor a way to leave a label that was not entered.
    let Ok(error) = exception.get_err() else { return "the expression was left in an unknown way".to_owned() };
    let shown = error.to_string();
    if !NAMES.contains(&shown.as_str()) {
        return shown;
    }
    match error.into_val() {
        Val::Str(text) if OURS.contains(&&*text) || is_ours(&text) || stands_in(source, &text) => text.to_string(),
        other => format!(
            "a function failed, or error was called; the {} that it was given may hold values of the document and is \
             not shown",
            other.type_name()
        ),
    }
}

/// Messages of ours that name a type.
fn is_ours(text: &str) -> bool {
    let templates = [("cannot use ", " as the key of an object"), ("a value of type ", " has no length")];
    let between = |(start, end): (&str, &str)| text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    templates.into_iter().filter_map(between).any(|name| NAMES.contains(&name))
}

/// Whether the program says `error("text")`.
fn stands_in(source: &str, text: &str) -> bool {
    source.contains(&format!("error({})", Val::text(text).to_json()))
}
