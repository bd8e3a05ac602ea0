//! `jq` and `yq` for images that do not have them: what transformations of documents need of the real commands, with
//! their options, output and exit codes. What would come out differently is refused.

pub(super) mod jq;
mod jq_arguments;
pub(super) mod yq;
mod yq_arguments;

use std::io;

/// Exit code for a command line that is not understood, of both commands.
const USAGE: u8 = 2;

/// Standard input, whole; bytes that are no UTF-8 are replaced, as jq does.
fn input() -> io::Result<String> {
    let bytes = super::builtin::read_all()?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Says why, without any value of the document, and gives the exit code.
fn end(command: &str, message: &str, code: u8) -> u8 {
    eprintln!("{command}: error: {message}");
    code
}
