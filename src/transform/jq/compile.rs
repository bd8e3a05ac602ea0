//! From the text of a program to something that can be run.

use jaq_core::compile::{Errors as CompileErrors, Undefined};
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Filter as CoreFilter};

use super::natives::{self, Data};
use super::withheld;

/// Definitions of ours: what the interpreter lacks, or does in another way than jq.
const PRELUDE: &str = include_str!("prelude.jq");

/// A program that can be run.
pub(in super::super) struct Filter {
    pub(super) compiled: CoreFilter<Data>,
    /// Its text, to recognize messages that come from it.
    pub(super) source: String,
}

/// Compiles a program; `variables` are the names, with `$`, of what it will be given. The message of an error quotes
/// the program at most.
pub(in super::super) fn compile(source: &str, variables: &[String]) -> Result<Filter, String> {
    let prelude = load::parse(PRELUDE, |parser| parser.defs()).unwrap_or_default();
    let library = jaq_core::defs().chain(jaq_std::defs());
    let library = library.filter(|def| !withheld::definition(def.name) && !natives::is_own(def.name, def.args.len()));
    let arena = Arena::default();
    let modules = Loader::new(library.chain(prelude))
        .load(&arena, File { code: source, path: () })
        .map_err(|errors| describe_load(source, &errors))?;
    load::import(&modules, |_| Err(String::new())).map_err(|_| NO_MODULES.to_owned())?;
    let compiled = Compiler::default()
        .with_funs(natives::all())
        .with_global_vars(variables.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| describe_compile(source, &errors))?;
    Ok(Filter { compiled, source: source.to_owned() })
}

const NO_MODULES: &str = "import and include are not available: an expression stands for itself";

/// Where a part of the program stands.
fn place(source: &str, part: &str) -> String {
    let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr());
    let Some(before) = start.and_then(|start| source.get(..start)) else { return String::new() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" at line {line}, column {column}")
}

/// The beginning of a part of the program, in quotes.
fn quoted(part: &str) -> String {
    const SHOWN: usize = 32;
    match part.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}…\"", &part[..end]),
        None if part.is_empty() => "the end".to_owned(),
        None => format!("\"{part}\""),
    }
}

/// The first of the errors: others follow from it more often than not.
fn describe_load(source: &str, errors: &load::Errors<&str, ()>) -> String {
    let error = errors.first().map(|(_, error)| error);
    let unexpected = |expected: &str, found: &str| {
        format!("{expected} expected instead of {}{}", quoted(found), place(source, found))
    };
    let described = match error {
        Some(load::Error::Io(_)) => Some(NO_MODULES.to_owned()),
        Some(load::Error::Lex(errors)) => errors.first().map(|(expected, found)| unexpected(expected.as_str(), found)),
        Some(load::Error::Parse(errors)) => {
            errors.first().map(|(expected, found)| unexpected(expected.as_str(), found))
        }
        None => None,
    };
    described.unwrap_or_else(|| "it cannot be read".to_owned())
}

fn describe_compile(source: &str, errors: &CompileErrors<&str, ()>) -> String {
    let Some((name, undefined)) = errors.iter().flat_map(|(_, errors)| errors).next() else {
        return "it cannot be compiled".to_owned();
    };
    if let Some(reason) = withheld::reason(name) {
        return format!("{name} is not available: {reason}");
    }
    let name_and_arity = match undefined {
        Undefined::Filter(arity) => format!("function {name}/{arity}"),
        other => format!("{} {name}", other.as_str()),
    };
    format!("{name_and_arity} is not defined{}", place(source, name))
}
