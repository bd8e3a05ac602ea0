//! Patterns of arguments: regular expressions that have to match an argument from its first to its last character.
//!
//! Whitelists are written for Go's expressions (<https://github.com/google/re2/wiki/Syntax>), and a pattern that the two
//! dialects read differently could allow here what it forbids there: `[^;&&|]` is "none of these three" in Go and "any
//! character" in Rust. So only what both read alike is accepted, and `\d`, `\s`, `\w` and `\b` mean ASCII, as in Go.

use regex::{Regex, RegexBuilder};

/// Bytes of one pattern: far more than anybody can review.
const MAX_PATTERN: usize = 4096;

/// Bytes of one compiled pattern. A list of a few hundred words needs a tenth of it; `.{100}{100}` does not fit.
const MAX_COMPILED: usize = 1 << 20;

/// A pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than anybody can review.
    #[error("is longer than {MAX_PATTERN} bytes")]
    TooLong,
    /// No regular expression, or one that compiles to too much.
    #[error("is no regular expression: {0}")]
    Invalid(String),
    /// Read differently by Go and by us.
    #[error("holds {0:?}, which does not mean the same everywhere: {1}")]
    Ambiguous(&'static str, &'static str),
}

/// What an argument may be.
#[derive(Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern and anchors it at both ends.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::TooLong);
        }
        let pattern = Reader::new(text).read()?;
        // By itself first: `a)|(b` is only a pattern with our parentheses around it.
        compile(text)?;
        compile(&pattern)?;
        Ok(Self(compile(&format!(r"\A(?:{pattern})\z"))?))
    }

    /// Whether this is the whole argument.
    pub fn matches(&self, argument: &str) -> bool {
        self.0.is_match(argument)
    }
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => PatternError::Invalid("it compiles to too much".into()),
        // The parser draws the pattern over several lines; the last one says what is wrong with it.
        error => {
            let text = error.to_string();
            let line = text.lines().last().unwrap_or_default();
            PatternError::Invalid(line.trim_start_matches("error: ").to_owned())
        }
    })
}

/// Goes through a pattern once: refuses what is ambiguous, and writes classes and boundaries of ASCII as what they are.
struct Reader<'a> {
    rest: &'a str,
    written: String,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, written: String::with_capacity(text.len()) }
    }

    fn read(mut self) -> Result<String, PatternError> {
        while let Some(c) = self.rest.chars().next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                '{' if self.rest.starts_with("{,") => {
                    return Err(PatternError::Ambiguous("{,", r"write {0, for a number, or \{ for the character"));
                }
                c => self.copy(c.len_utf8()),
            }
        }
        Ok(self.written)
    }

    fn copy(&mut self, bytes: usize) {
        let (copied, rest) = self.rest.split_at(bytes);
        self.written.push_str(copied);
        self.rest = rest;
    }

    /// A backslash and what belongs to it.
    fn escape(&mut self, in_class: bool) -> Result<(), PatternError> {
        let Some(escaped) = self.rest[1..].chars().next() else {
            self.copy(1);
            return Ok(());
        };
        if let Some(class) = ascii(escaped) {
            self.written.push_str(class);
            self.rest = &self.rest[2..];
            return Ok(());
        }
        match escaped {
            '<' if !in_class => return Err(PatternError::Ambiguous(r"\<", "write < for the character")),
            '>' if !in_class => return Err(PatternError::Ambiguous(r"\>", "write > for the character")),
            'b' if self.rest[2..].starts_with('{') => {
                return Err(PatternError::Ambiguous(r"\b{", r"write \b\{ for the character"));
            }
            'b' | 'B' if !in_class => {
                self.written.push_str(if escaped == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
                self.rest = &self.rest[2..];
                return Ok(());
            }
            _ => {}
        }
        self.copy(1 + escaped.len_utf8());
        Ok(())
    }

    /// `[...]`, in which a bracket is a character for Go and a class within the class for us.
    fn class(&mut self) -> Result<(), PatternError> {
        self.copy(1);
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        // The first one is a character.
        if self.rest.starts_with(']') {
            self.copy(1);
        }
        while let Some(c) = self.rest.chars().next() {
            for operator in ["&&", "--", "~~"] {
                if self.rest.starts_with(operator) {
                    return Err(PatternError::Ambiguous(operator, "write the character once, or with a backslash"));
                }
            }
            match c {
                ']' => {
                    self.copy(1);
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' => {
                    let named = named_class(self.rest);
                    let why = r"write \[ for the character";
                    self.copy(named.ok_or(PatternError::Ambiguous("[ in brackets", why))?);
                }
                c => self.copy(c.len_utf8()),
            }
        }
        Ok(())
    }

    /// `(`, and the flags behind it: `x` has comments that could swallow our own end of the pattern, `u` and `R` are
    /// unknown to Go.
    fn group(&mut self) -> Result<(), PatternError> {
        if let Some(flags) = self.rest.strip_prefix("(?") {
            let flags = flags.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
            let mut names = flags.filter(|flag| !matches!(flag, b'i' | b'm' | b's' | b'U' | b'-'));
            if names.next().is_some_and(|flag| flag != b'P') {
                return Err(PatternError::Ambiguous("(?", "flags may be i, m, s and U"));
            }
        }
        self.copy(1);
        Ok(())
    }
}

/// Go's classes of one letter.
fn ascii(letter: char) -> Option<&'static str> {
    match letter {
        'd' => Some("[0-9]"),
        'D' => Some("[^0-9]"),
        's' => Some(r"[\t\n\f\r ]"),
        'S' => Some(r"[^\t\n\f\r ]"),
        'w' => Some("[0-9A-Za-z_]"),
        'W' => Some("[^0-9A-Za-z_]"),
        _ => None,
    }
}

/// Bytes of the `[:name:]` that this begins with.
fn named_class(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("[:")?;
    let end = inner.find(":]")?;
    let name = inner[..end].trim_start_matches('^');
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(end + 4)
}

#[cfg(test)]
mod tests;
