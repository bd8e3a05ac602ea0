//! What fuzz targets need of the parts, in the process of the target. Never part of a release build.

use super::frame::{self, Body};
use super::program::{Problem, Program};
use super::value::write::{Style, json};
use super::value::{Val, read, yaml};
use super::{evaluate as evaluator, jq, stack};

/// A small document; values that must not be shown hold "c4n4ry".
pub const DOCUMENT: &[u8] =
    br#"{"s":"c4n4ry","n":1.5,"i":2,"t":true,"z":null,"l":["c4n4ry",3],"o":{"k":"c4n4ry"},"c4n4ry":0}"#;

fn on_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    // Without a hook that hides it, a panic ends the target.
    stack::on_large_stack(work).unwrap_or_else(|| std::process::abort())
}

/// Evaluates a program.
pub fn evaluate(program: &Program, body: &[u8]) -> Result<Vec<u8>, Problem> {
    on_stack(|| {
        let mut out = Vec::new();
        evaluator::evaluate(program, Body::from(body), &mut out).map(|()| out)
    })
}

/// Compiles a jq program.
pub fn compile_jq(source: &str) -> Result<(), String> {
    on_stack(|| jq::compile(source, &[]).map(drop))
}

/// Takes a frame apart.
pub fn split(frame: Vec<u8>) -> Result<(Program, Vec<u8>), Problem> {
    frame::split(frame).map(|(program, body)| (program, body.bytes().to_vec()))
}

/// JSON, read and written.
pub fn json_again(text: &str) -> Result<String, String> {
    on_stack(|| read::document(text).map(|value| value.to_json()).map_err(|error| error.to_string()))
}

/// JSON, written as YAML, read from there, and written as JSON. Differs where YAML's numbers do.
pub fn yaml_again(text: &str) -> Result<String, String> {
    on_stack(|| {
        let value = read::document(text).map_err(|error| error.to_string())?;
        let mut written = Vec::new();
        yaml::yaml(&mut written, &value).map_err(|error| error.to_string())?;
        let written = String::from_utf8(written).map_err(|error| error.to_string())?;
        let values = yaml::documents(&written).map_err(|error| format!("{error:?}: {written}"))?;
        let mut out = Vec::new();
        json(&mut out, values.first().unwrap_or(&Val::Null), &Style::COMPACT).map_err(|error| error.to_string())?;
        String::from_utf8(out).map_err(|error| error.to_string())
    })
}

/// Ends the target when a problem shows `length` bytes in a row of what must not be shown.
pub fn canary(problem: &Problem, hidden: &[u8], length: usize) {
    let message = problem.message.as_bytes();
    let shown = hidden.windows(length).any(|part| message.windows(length).any(|window| window == part));
    if shown {
        eprintln!("a problem shows a value: {problem:?}");
        std::process::abort();
    }
}
