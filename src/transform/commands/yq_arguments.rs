//! The command line of `yq`, as version 4 of <https://github.com/mikefarah/yq> reads it.

/// What a document is written as, or read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// What a command line asks for.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "one for each option of the command")]
pub(super) struct Arguments {
    /// The expression.
    pub expression: String,
    pub input: Format,
    pub output: Format,
    pub null_input: bool,
    pub exit_status: bool,
    /// Texts alone without quotes.
    pub unwrap: bool,
    /// Nothing between documents.
    pub no_separator: bool,
    /// Spaces per level of JSON.
    pub indent: usize,
}

/// Options that change files, read others, or make what is not made here.
const REFUSED: [(&str, &str); 6] = [
    ("inplace", "there is no file to change here, only standard output"),
    ("split-exp", "there are no files to write here, only standard output"),
    ("split-exp-file", "there are no files to read here, only standard input"),
    ("from-file", "there are no files to read here, only standard input"),
    ("front-matter", "documents are read whole"),
    ("colors", "the output is for programs"),
];

/// Reads a command line.
pub(super) fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let mut parsed = Arguments {
        expression: String::new(),
        input: Format::Yaml,
        output: Format::Yaml,
        null_input: false,
        exit_status: false,
        unwrap: true,
        no_separator: false,
        indent: 2,
    };
    let (mut positional, mut unwrap) = (Vec::new(), None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some((name, mut value)) = option(argument) else {
            positional.push(argument.as_str());
            continue;
        };
        let mut value = |name: &str| {
            value
                .take()
                .map(str::to_owned)
                .or_else(|| rest.next().cloned())
                .ok_or(format!("option {name} lacks a value"))
        };
        match name {
            "P" | "prettyPrint" | "M" | "no-colors" | "pretty-print" => {}
            "o" | "output-format" => parsed.output = format(&value(name)?)?,
            "p" | "input-format" => parsed.input = format(&value(name)?)?,
            "j" | "tojson" => parsed.output = Format::Json,
            "I" | "indent" => parsed.indent = indent(&value(name)?)?,
            "n" | "null-input" => parsed.null_input = true,
            "e" | "exit-status" => parsed.exit_status = true,
            "N" | "no-doc" => parsed.no_separator = true,
            "r" | "unwrapScalar" => unwrap = Some(true),
            other => return Err(refusal(other)),
        }
    }
    // Without being told, texts keep their quotes in JSON and nowhere else.
    parsed.unwrap = unwrap.unwrap_or(parsed.output == Format::Yaml);
    parsed.expression = expression(&positional)?;
    Ok(parsed)
}

/// The name of an option and, behind `=` or right after its letter, its value.
fn option(argument: &str) -> Option<(&str, Option<&str>)> {
    let name = argument.strip_prefix('-').filter(|name| !name.is_empty())?;
    if let Some(long) = name.strip_prefix('-') {
        return Some(long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value))));
    }
    let (letter, value) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    let value = value.strip_prefix('=').unwrap_or(value);
    Some((letter, Some(value).filter(|value| !value.is_empty())))
}

fn refusal(option: &str) -> String {
    let long = match option {
        "i" => "inplace",
        "s" => "split-exp",
        "f" => "front-matter",
        "C" => "colors",
        other => other,
    };
    let reason = REFUSED.iter().find(|(name, _)| *name == long).map_or("it is not known", |(_, reason)| *reason);
    format!("option {option} is not available here: {reason}")
}

fn format(value: &str) -> Result<Format, String> {
    match value {
        "auto" | "a" | "yaml" | "y" | "yml" => Ok(Format::Yaml),
        "json" | "j" => Ok(Format::Json),
        _ => Err("only the formats yaml and json are available here".to_owned()),
    }
}

fn indent(value: &str) -> Result<usize, String> {
    let width = value.parse().ok().filter(|width| *width <= 16);
    width.ok_or_else(|| "--indent takes a number from 0 to 16".to_owned())
}

/// The expression among what is no option: after `eval`, and before `-` for standard input.
fn expression(positional: &[&str]) -> Result<String, String> {
    let rest = match positional {
        ["eval-all" | "ea", ..] => return Err("eval-all is not available here: there is one input only".to_owned()),
        ["eval" | "e", rest @ ..] | rest => rest,
    };
    match rest {
        [] | ["-"] => Ok(".".to_owned()),
        [expression] | [expression, "-"] => Ok((*expression).to_owned()),
        _ => Err("there are no files to read here, only standard input".to_owned()),
    }
}
