//! `flux-externalsource builtin NAME ARGUMENTS`: the programs of ours that the sandbox runs. Dispatched before anything
//! else is set up: they need no runtime, no settings and no environment.

use std::ffi::OsString;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::process::ExitCode;

use super::commands::{jq, yq};
use super::program::Problem;
use super::{evaluate, frame, stack};

/// Size of one write to standard output.
const WRITE: usize = 256 << 10;

/// Runs the built-in that the arguments of the process name; `None` when they name something else.
pub fn builtin(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != "builtin" {
        return None;
    }
    // A panic's message could hold a value of the document.
    std::panic::set_hook(Box::new(|_| {}));
    let name = arguments.next().unwrap_or_default();
    let arguments: Result<Vec<String>, _> = arguments.map(OsString::into_string).collect();
    let Ok(arguments) = arguments else { return Some(usage("an argument is not UTF-8")) };
    Some(match name.to_str() {
        Some("transform") if arguments.is_empty() => transform(),
        Some("jq") => ExitCode::from(stack::on_large_stack(|| jq::main(&arguments)).unwrap_or(jq::FAILED)),
        Some("yq") => ExitCode::from(stack::on_large_stack(|| yq::main(&arguments)).unwrap_or(yq::FAILED)),
        _ => usage("expected builtin transform, builtin jq or builtin yq"),
    })
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

fn transform() -> ExitCode {
    let result = stack::on_large_stack(|| -> Result<(), Problem> {
        let frame = read_all().map_err(|error| unread(&error))?;
        let (program, body) = frame::split(frame)?;
        let mut out = BufWriter::with_capacity(WRITE, io::stdout().lock());
        evaluate::evaluate(&program, body, &mut out)?;
        out.flush().map_err(|error| Problem::evaluation(format!("the result cannot be written: {}", error.kind())))
    });
    match result.unwrap_or_else(|| Err(Problem::evaluation("the expression asked for more than there is"))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{}", serde_json::to_string(&problem).unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// Standard input, whole.
pub(super) fn read_all() -> io::Result<Vec<u8>> {
    // Pages that are not touched cost nothing, and growing from small to large leaves pieces behind.
    let mut bytes = Vec::with_capacity(64 << 20);
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unread(error: &io::Error) -> Problem {
    Problem::input(format!("the document cannot be read: {}", error.kind()))
}
