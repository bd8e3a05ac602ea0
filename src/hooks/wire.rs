//! What the controller and the sidecar say to each other over HTTP; both ends use this.
//!
//! `POST /v1/run` has the command in a header and its standard input as the body; `POST /v1/transform` has the frame of
//! a program and a document as the body. The answer's body is standard output, and its trailers say how it ended: an
//! answer without them was broken off.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Command;
use crate::api::duration;
use crate::sandbox::{Ended, Exit, Limit};
use crate::transform::Problem;

/// The command of `/v1/run`: base64 of JSON.
pub const COMMAND: HeaderName = HeaderName::from_static("externalsource-command");

/// Time limit of `/v1/transform`.
pub const TIMEOUT: HeaderName = HeaderName::from_static("externalsource-timeout");

/// Trailer: the code that the program ended with.
pub const EXIT_CODE: HeaderName = HeaderName::from_static("externalsource-exit-code");

/// Trailer: the signal that ended it.
pub const SIGNAL: HeaderName = HeaderName::from_static("externalsource-signal");

/// Trailer: the limit that ended it.
pub const LIMIT: HeaderName = HeaderName::from_static("externalsource-limit");

/// Trailer: why a transformation has no result.
pub const PROBLEM: HeaderName = HeaderName::from_static("externalsource-problem");

/// The value of `Trailer` in an answer.
pub const TRAILERS: HeaderValue = HeaderValue::from_static(
    "externalsource-exit-code, externalsource-signal, externalsource-limit, externalsource-problem",
);

/// Bytes of [`COMMAND`]: the longest arguments that are allowed, half of their characters escaped.
pub const MAX_COMMAND: usize = 700 * 1024;

/// Bytes that a connection of the sidecar has to buffer, so that the header fits.
pub const BUFFER: usize = 1024 * 1024;

/// Longest text of a problem. Trailers may have 16 KiB in all.
const MAX_PROBLEM: usize = 4096;

/// [`Command`] on its way.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCommand {
    command: String,
    args: Vec<String>,
    env: Vec<Variable>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

/// The body of an answer that has no output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For people.
    pub error: String,
    /// For programs.
    pub kind: String,
}

/// The body of `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`, as the Go implementation says it.
    pub status: String,
    /// Why the whitelist's file is not what is in force; `None` when it is.
    pub whitelist: Option<String>,
    /// Commands that run.
    pub running: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
}

/// The header's value for a command; `None` when it is too long for a header.
pub fn command_value(command: &Command) -> Option<HeaderValue> {
    let env = command.env.iter().map(|(name, value)| Variable { name: name.clone(), value: value.clone() });
    let wire = WireCommand {
        command: command.name.clone(),
        args: command.args.clone(),
        env: env.collect(),
        timeout: command.timeout.map(timeout_text),
    };
    let value = encode(&wire).filter(|value| value.len() <= MAX_COMMAND)?;
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The command that a header's value says, or what is wrong with it. Nothing of the value is repeated.
pub fn command_of(value: &HeaderValue) -> Result<Command, String> {
    let json = STANDARD.decode(value.as_bytes()).map_err(|_| format!("{COMMAND} is not base64"))?;
    let wire: WireCommand = object(&json).map_err(|why| format!("{COMMAND} is not the JSON of a command: {why}"))?;
    Ok(Command {
        timeout: wire.timeout.as_deref().map(timeout_of).transpose()?,
        name: wire.command,
        args: wire.args,
        env: wire.env.into_iter().map(|variable| (variable.name, variable.value)).collect(),
    })
}

/// A time limit as a Go duration above zero.
pub fn timeout_of(text: &str) -> Result<std::time::Duration, String> {
    let parsed = duration::parse(text).map_err(|error| format!("the timeout {error}"))?;
    if parsed.is_zero() { Err("the timeout must be longer than 0".into()) } else { Ok(parsed) }
}

/// The Go duration that [`timeout_of`] reads.
pub fn timeout_text(timeout: std::time::Duration) -> String {
    format!("{}.{:09}s", timeout.as_secs(), timeout.subsec_nanos())
}

/// What a JSON object says, or what is wrong with it. Nothing of it is repeated: serde's own messages quote values.
pub fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    // A list of a struct's fields in their order would do for serde.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err("it is no object".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "it is malformed",
            serde_json::error::Category::Eof => "it is cut off",
            serde_json::error::Category::Data => "a field is missing, unknown, twice there or of another type",
            serde_json::error::Category::Io => "it cannot be read",
        };
        format!("{what} (line {}, column {})", error.line(), error.column())
    })
}

/// The trailers of an answer.
pub fn trailers(ended: &Ended, problem: Option<&Problem>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    match ended.exit {
        Exit::Code(code) => trailers.insert(EXIT_CODE, code.into()),
        Exit::Signal(signal) => trailers.insert(SIGNAL, signal.into()),
    };
    if let Some(limit) = ended.limit {
        trailers.insert(LIMIT, HeaderValue::from_static(limit.name()));
    }
    let problem = problem.map(|problem| Problem { message: cut(&problem.message), ..problem.clone() });
    if let Some(value) = problem.and_then(|problem| HeaderValue::try_from(encode(&problem)?).ok()) {
        trailers.insert(PROBLEM, value);
    }
    trailers
}

/// What trailers say: how a program ended, the limit that ended it, and why a transformation has no result. `None` when
/// they do not say how it ended.
pub fn end_of(trailers: &HeaderMap) -> Option<(Exit, Option<Limit>, Option<Problem>)> {
    let number = |name| trailers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    let exit = number(EXIT_CODE).map(Exit::Code).or_else(|| number(SIGNAL).map(Exit::Signal))?;
    let limit = match trailers.get(LIMIT) {
        Some(value) => Some(Limit::of_name(value.to_str().ok()?)?),
        None => None,
    };
    let problem = match trailers.get(PROBLEM) {
        Some(value) => Some(decode(value)?),
        None => None,
    };
    Some((exit, limit, problem))
}

fn cut(text: &str) -> String {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= MAX_PROBLEM).last().unwrap_or(0);
    text[..end].to_owned()
}

fn encode(content: &impl Serialize) -> Option<String> {
    serde_json::to_vec(content).ok().map(|json| STANDARD.encode(json))
}

fn decode<T: DeserializeOwned>(value: &HeaderValue) -> Option<T> {
    serde_json::from_slice(&STANDARD.decode(value.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests;
