//! Patterns of arguments: regular expressions that have to match an argument from its first to its last character.
//!
//! Whitelists are written for Go's expressions (<https://github.com/google/re2/wiki/Syntax>), and a pattern that the two
//! dialects read differently could allow here what it forbids there: `[^;&&|]` is "none of these three" in Go and "any
//! character" in Rust. So only what both read alike is accepted, and `\d`, `\s` and `\w` mean ASCII, as in Go.

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

/// Goes through a pattern once: refuses what is ambiguous, and writes classes of ASCII as what they are.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, argument: &str) -> bool {
        Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(argument)
    }

    #[test]
    fn an_argument_has_to_match_from_end_to_end() {
        for (pattern, argument, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "ba", false),
            ("a", "a\n", false),
            ("a|b", "a", true),
            ("a|b", "ab", false),
            ("a|ab", "ab", true),
            ("^a|b$", "ax", false),
            ("^a|b$", "xb", false),
            ("(?m)^a$", "a", true),
            ("(?m)^a$", "b\na\nc", false),
            ("(?m)^a$|x", "x\na", false),
            ("(?s).*", "a\nb", true),
            (".*", "a\nb", false),
            ("^\\..*", ".a\n| b", false),
            ("(?i)a", "A", true),
            ("(?i)a|b", "B", true),
            ("(?i)a|b", "Bb", false),
            ("(?:a)|(?:b)", "ab", false),
            ("", "", true),
            ("", "a", false),
            ("a*?", "aaa", true),
            (r"a\z", "a", true),
            (r"\Aa", "a", true),
            (r"\(", "(", true),
            ("[)]", ")", true),
            ("[]a]+", "]a", true),
            ("[^]a]", "]", false),
        ] {
            assert_eq!(matches(pattern, argument), expected, "{pattern:?} {argument:?}");
        }
    }

    #[test]
    fn what_only_becomes_a_pattern_by_our_parentheses_is_refused() {
        for pattern in
            ["a)|(b", "a)", "(a", "a)(?:b", "*", "?", "[a", "a\\", "(?i", "a{2", "(?:", r"\Qa\E", "(?=a)", r"\1"]
        {
            assert!(matches!(Pattern::new(pattern), Err(PatternError::Invalid(_))), "{pattern}");
        }
    }

    #[test]
    fn what_go_reads_differently_is_refused() {
        for pattern in [
            "[^;&&|]+",
            "[a--b]",
            "[a~~b]",
            "[[a]]",
            "[^[]",
            "[a[:x]",
            "(?x)a # b",
            "(?ix:a)",
            "(?-u)a",
            "(?R)a$",
            r"\<a",
            r"a\>",
            r"\b{start}a",
            "a{,2}",
        ] {
            assert!(matches!(Pattern::new(pattern), Err(PatternError::Ambiguous(..))), "{pattern}");
        }
        for pattern in ["[[:alpha:]]", "[[:^digit:]a]", r"[\[\]&|]", "(?P<name>a)", "(?<name>a)", "(?U)a+", "(?s-i:a)"]
        {
            assert!(Pattern::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn classes_of_one_letter_are_ascii() {
        for (pattern, argument, expected) in [
            (r"\d+", "1234567890", true),
            (r"\d", "\u{0661}", false),
            (r"\w+", "aZ_9", true),
            (r"\w", "\u{e9}", false),
            (r"[\w.-]+", "a.b-c", true),
            (r"[\w.-]", "\u{e9}", false),
            (r"[^\w]", "\u{e9}", true),
            (r"[^\W]", "a", true),
            (r"[^\W]", "-", false),
            (r"\s", " ", true),
            (r"\s", "\u{a0}", false),
            (r"\S\D\W", "a-\u{e9}", true),
            (r"\\d", r"\d", true),
            (r"\\d", r"\1", false),
        ] {
            assert_eq!(matches(pattern, argument), expected, "{pattern:?} {argument:?}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(Pattern::new(&"a".repeat(MAX_PATTERN + 1)).unwrap_err(), PatternError::TooLong);
        let error = Pattern::new(".{100}{100}{100}").unwrap_err();
        assert_eq!(error, PatternError::Invalid("it compiles to too much".into()));
        assert!(Pattern::new(&"(".repeat(2000)).is_err());
        assert!(Pattern::new(&("(".repeat(2000) + &")".repeat(2000))).is_err());
    }

    proptest! {
        /// Whatever the pattern, an argument with something before or after a literal is not that literal.
        #[test]
        fn a_literal_matches_itself_alone(literal in "\\PC{1,20}", before in "\\PC{0,5}", after in "(?s).{0,5}") {
            let pattern = Pattern::new(&regex::escape(&literal)).unwrap();
            prop_assert!(pattern.matches(&literal));
            let longer = format!("{before}{literal}{after}");
            prop_assert_eq!(pattern.matches(&longer), longer == literal);
        }

        /// No text makes the reader panic, and what it accepts is accepted anchored.
        #[test]
        fn any_text_is_a_pattern_or_an_error(text in "[\\[\\](){}?*+.^$|\\\\abdwx:&~P<>#\\- \n]{0,30}", argument in "[ab\n]{0,4}") {
            if let Ok(pattern) = Pattern::new(&text) {
                let unanchored = compile(&Reader::new(&text).read().unwrap()).unwrap();
                prop_assert!(!pattern.matches(&argument) || unanchored.is_match(&argument));
            }
        }
    }
}
