//! The command `jq`.

use std::io::{self, BufWriter, Write};

use super::super::value::write::json;
use super::super::value::{Object, Val, read};
use super::super::{document, files, jq};
use super::jq_arguments::{Arguments, parse};
use super::{USAGE, end, input};

/// Exit code of a program that fails over a document.
pub(in super::super) const FAILED: u8 = 5;

/// Exit code of a program that cannot be compiled.
const NOT_COMPILED: u8 = 3;

/// Exit codes of `-e`: the last result was false or null, or there was none.
const FALSE: u8 = 1;
const NOTHING: u8 = 4;

/// Runs the command; gives its exit code.
pub(in super::super) fn main(arguments: &[String]) -> u8 {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => return end("jq", &message, USAGE),
    };
    let (names, values) = variables(&arguments);
    let filter = match jq::compile(&arguments.filter, &names) {
        Ok(filter) => filter,
        Err(message) => return end("jq", &message, NOT_COMPILED),
    };
    let inputs = match inputs(&arguments) {
        Ok(inputs) => inputs,
        Err(message) => return end("jq", &message, USAGE),
    };
    let mut out = BufWriter::with_capacity(256 << 10, io::stdout().lock());
    match run(&arguments, &filter, &values, inputs, &mut out).and_then(|code| out.flush().map(|()| code)) {
        Ok(code) => code,
        Err(error) => end("jq", &files::unwritten(&error).message, FAILED),
    }
}

/// `$ARGS` and the named ones: names and values.
fn variables(arguments: &Arguments) -> (Vec<String>, Vec<Val>) {
    let args = [
        ("positional".into(), Val::array(arguments.positional.clone())),
        ("named".into(), Val::object(arguments.named.clone())),
    ];
    let args = Val::object(args.into_iter().collect::<Object>());
    let (mut names, mut values) = (vec!["$ARGS".to_owned()], vec![args]);
    for (name, value) in arguments.named.iter().filter(|(name, _)| &***name != "ARGS") {
        names.push(format!("${name}"));
        values.push(value.clone());
    }
    (names, values)
}

fn inputs(arguments: &Arguments) -> Result<Vec<Val>, String> {
    let text = input().map_err(|error| format!("standard input cannot be read: {}", error.kind()))?;
    if arguments.raw_input {
        return Ok(if arguments.slurp { vec![Val::text(&text)] } else { text.lines().map(Val::text).collect() });
    }
    let text = document::without_mark(&text);
    let documents = read::documents(text).map_err(|error| {
        let (line, column) = error.position(text.as_bytes());
        format!("the input cannot be read as JSON: line {line}, column {column}: {error}")
    })?;
    Ok(if arguments.slurp { vec![Val::array(documents)] } else { documents })
}

fn run(
    arguments: &Arguments,
    filter: &jq::Filter,
    values: &[Val],
    inputs: Vec<Val>,
    out: &mut impl Write,
) -> io::Result<u8> {
    let (mut last, mut failed) = (None, false);
    let emit = |value: Val| {
        last = Some(!matches!(value, Val::Null | Val::Bool(false)));
        write(arguments, &value, out)
    };
    let fail = |message: String| {
        failed = true;
        end("jq", &message, FAILED);
        Ok(())
    };
    jq::run(filter, values, inputs.into_iter(), arguments.null_input, emit, fail)?;
    Ok(match last {
        _ if failed => FAILED,
        _ if !arguments.exit_status => 0,
        None => NOTHING,
        Some(holds) => u8::from(!holds) * FALSE,
    })
}

fn write(arguments: &Arguments, value: &Val, out: &mut impl Write) -> io::Result<()> {
    match value {
        // In ASCII a text keeps its quotes, as in jq.
        Val::Str(text) if arguments.raw && !arguments.style.ascii => out.write_all(text.as_bytes())?,
        other => json(out, other, &arguments.style)?,
    }
    if arguments.join { Ok(()) } else { out.write_all(b"\n") }
}
