//! The command line of `jq`, as jq 1.6 reads it.

use super::super::value::write::{Indent, Style};
use super::super::value::{Object, Val, read};

/// What a command line asks for.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "one for each option of the command")]
pub(super) struct Arguments {
    /// The program.
    pub filter: String,
    pub null_input: bool,
    pub raw_input: bool,
    pub slurp: bool,
    /// Strings as they are.
    pub raw: bool,
    /// No line break after a result.
    pub join: bool,
    /// The exit code tells of the last result.
    pub exit_status: bool,
    pub style: Style,
    /// `--arg` and `--argjson`, by name.
    pub named: Object,
    /// After `--args` and `--jsonargs`.
    pub positional: Vec<Val>,
}

/// What the arguments that are no options mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Files,
    Texts,
    Json,
}

struct Parser<'a> {
    arguments: std::slice::Iter<'a, String>,
    filter: Option<String>,
    rest: Rest,
    parsed: Arguments,
}

/// Reads a command line.
pub(super) fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let parsed = Arguments {
        filter: String::new(),
        null_input: false,
        raw_input: false,
        slurp: false,
        raw: false,
        join: false,
        exit_status: false,
        style: Style::PRETTY,
        named: Object::default(),
        positional: Vec::new(),
    };
    let mut parser = Parser { arguments: arguments.iter(), filter: None, rest: Rest::Files, parsed };
    let mut options = true;
    while let Some(argument) = parser.arguments.next() {
        match argument.strip_prefix('-') {
            Some("-") if options => options = false,
            Some(name) if options && !name.is_empty() => match name.strip_prefix('-') {
                Some(long) => parser.long(long)?,
                None => name.chars().try_for_each(|short| parser.short(short))?,
            },
            _ => parser.positional(argument)?,
        }
    }
    // Without a program jq takes the document as it is.
    Ok(Arguments { filter: parser.filter.unwrap_or_else(|| ".".to_owned()), ..parser.parsed })
}

impl Parser<'_> {
    fn short(&mut self, option: char) -> Result<(), String> {
        let long = match option {
            'n' => "null-input",
            'R' => "raw-input",
            's' => "slurp",
            'r' => "raw-output",
            'j' => "join-output",
            'a' => "ascii-output",
            'c' => "compact-output",
            'S' => "sort-keys",
            'M' => "monochrome-output",
            'e' => "exit-status",
            other => return Err(format!("option -{other} is not available here")),
        };
        self.long(long)
    }

    fn long(&mut self, option: &str) -> Result<(), String> {
        let parsed = &mut self.parsed;
        match option {
            "null-input" => parsed.null_input = true,
            "raw-input" => parsed.raw_input = true,
            "slurp" => parsed.slurp = true,
            "raw-output" => parsed.raw = true,
            "join-output" => (parsed.raw, parsed.join) = (true, true),
            "ascii-output" => parsed.style.ascii = true,
            "compact-output" => parsed.style.indent = Indent::None,
            "sort-keys" => parsed.style.sort = true,
            "monochrome-output" => {}
            "exit-status" => parsed.exit_status = true,
            "tab" => parsed.style.indent = Indent::Tab,
            "indent" => {
                let value = self.value(option)?;
                self.parsed.style.indent = indent(&value)?;
            }
            "arg" => {
                let (name, value) = (self.value(option)?, self.value(option)?);
                self.name(name, Val::from(value));
            }
            "argjson" => {
                let (name, value) = (self.value(option)?, self.value(option)?);
                self.name(name, json(&value)?);
            }
            "args" => self.rest = Rest::Texts,
            "jsonargs" => self.rest = Rest::Json,
            other => return Err(format!("option --{other} is not available here")),
        }
        Ok(())
    }

    fn value(&mut self, option: &str) -> Result<String, String> {
        self.arguments.next().cloned().ok_or_else(|| format!("option --{option} lacks a value"))
    }

    /// The first one of a name counts.
    fn name(&mut self, name: String, value: Val) {
        if !self.parsed.named.contains_key(&name) {
            self.parsed.named.insert(name.into(), value);
        }
    }

    fn positional(&mut self, argument: &str) -> Result<(), String> {
        if self.filter.is_none() {
            self.filter = Some(argument.to_owned());
            return Ok(());
        }
        match self.rest {
            Rest::Files => return Err("there are no files to read here, only standard input".to_owned()),
            Rest::Texts => self.parsed.positional.push(Val::text(argument)),
            Rest::Json => self.parsed.positional.push(json(argument)?),
        }
        Ok(())
    }
}

fn indent(value: &str) -> Result<Indent, String> {
    match value.parse() {
        Ok(0) => Ok(Indent::None),
        Ok(width @ 1..=7) => Ok(Indent::Spaces(width)),
        _ => Err("--indent takes a number from 0 to 7".to_owned()),
    }
}

fn json(value: &str) -> Result<Val, String> {
    // The value may be a secret, so it is not shown.
    read::document(value).map_err(|_| "an argument is not the JSON that it has to be".to_owned())
}
