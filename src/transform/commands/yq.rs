//! The command `yq`: from YAML or JSON to YAML or JSON, with an expression in between that is read as jq's.

use std::io::{self, BufWriter, Write};

use super::super::value::write::{Indent, Style, json};
use super::super::value::yaml;
use super::super::value::{Val, read};
use super::super::{document, files, jq};
use super::yq_arguments::{Arguments, Format, parse};
use super::{USAGE, end, input};

/// Exit code of everything that fails.
pub(in super::super) const FAILED: u8 = 1;

/// What yq calls by the same name and does in another way than jq.
const PRELUDE: &str = "def keys: keys_unsorted; ";

/// Runs the command; gives its exit code.
pub(in super::super) fn main(arguments: &[String]) -> u8 {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => return end("yq", &message, USAGE),
    };
    let filter = match jq::compile(&format!("{PRELUDE}{}", arguments.expression), &[]) {
        Ok(filter) => filter,
        Err(message) => return end("yq", &message, FAILED),
    };
    let documents = match documents(&arguments) {
        Ok(documents) => documents,
        Err(message) => return end("yq", &message, FAILED),
    };
    let mut out = BufWriter::with_capacity(256 << 10, io::stdout().lock());
    match run(&arguments, &filter, documents, &mut out).and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => code,
        Err(error) => end("yq", &files::unwritten(&error).message, FAILED),
    }
}

fn documents(arguments: &Arguments) -> Result<Vec<Val>, String> {
    if arguments.null_input {
        return Ok(vec![Val::Null]);
    }
    let text = input().map_err(|error| format!("standard input cannot be read: {}", error.kind()))?;
    match arguments.input {
        Format::Yaml => document::documents(text.as_bytes()).map_err(|problem| problem.message),
        Format::Json => read::documents(document::without_mark(&text)).map_err(|error| {
            let (line, column) = error.position(text.as_bytes());
            format!("the input cannot be read as JSON: line {line}, column {column}: {error}")
        }),
    }
}

fn run(arguments: &Arguments, filter: &jq::Filter, documents: Vec<Val>, out: &mut impl Write) -> io::Result<u8> {
    let (mut any, mut failed) = (false, None);
    // Results of one document follow each other; documents are set apart.
    let mut written = false;
    for document in documents {
        let mut separate = written && arguments.output == Format::Yaml && !arguments.no_separator;
        let emit = |value: Val| {
            any |= !matches!(value, Val::Null | Val::Bool(false));
            if std::mem::take(&mut separate) {
                out.write_all(b"---\n")?;
            }
            written = true;
            write(arguments, &value, out)
        };
        let fail = |message| {
            failed = Some(message);
            Ok(())
        };
        jq::run(filter, &[], std::iter::once(document), false, emit, fail)?;
        if let Some(message) = &failed {
            return Ok(end("yq", message, FAILED));
        }
    }
    Ok(u8::from(arguments.exit_status && !any))
}

fn write(arguments: &Arguments, value: &Val, out: &mut impl Write) -> io::Result<()> {
    match (arguments.output, value) {
        (_, Val::Str(text)) if arguments.unwrap => {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")
        }
        (Format::Yaml, value) => yaml::yaml(out, value),
        (Format::Json, value) => {
            let indent = if arguments.indent == 0 { Indent::None } else { Indent::Spaces(arguments.indent) };
            json(out, value, &Style { indent, ..Style::PRETTY })?;
            out.write_all(b"\n")
        }
    }
}
