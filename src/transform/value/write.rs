//! Writes JSON.

use std::io::{self, Write};

use super::{MAX_DEPTH, Object, Val, number};

/// What a line is indented by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Indent {
    /// Everything in one line.
    None,
    /// This many spaces per level.
    Spaces(usize),
    /// A tab per level.
    Tab,
}

/// How JSON looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Style {
    /// Line breaks.
    pub indent: Indent,
    /// Keys in order of their code points instead of their own.
    pub sort: bool,
    /// Nothing but ASCII.
    pub ascii: bool,
}

impl Style {
    /// One line.
    pub const COMPACT: Self = Self { indent: Indent::None, sort: false, ascii: false };
    /// Two spaces per level, as jq.
    pub const PRETTY: Self = Self { indent: Indent::Spaces(2), sort: false, ascii: false };
}

/// What an error of a writer says when a value cannot be written.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unwritable {
    /// No reader would take it.
    #[error("the result is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// YAML allows 1,024 characters between the start of a key and its colon.
    #[error("a key of the result is too long for YAML")]
    LongKey,
}

/// The error for a value at this depth, if it is too deep.
pub(super) fn check_depth(depth: usize) -> io::Result<()> {
    if depth > MAX_DEPTH { Err(io::Error::new(io::ErrorKind::InvalidData, Unwritable::TooDeep)) } else { Ok(()) }
}

/// Writes a value, without a line break after it.
pub(in super::super) fn json(out: &mut impl Write, value: &Val, style: &Style) -> io::Result<()> {
    Writer { out, style }.value(value, 0)
}

/// Writes a text with its quotes.
pub(super) fn string(out: &mut impl Write, text: &str, ascii: bool) -> io::Result<()> {
    quoted(out, text, |c| ascii && !c.is_ascii())
}

/// Writes a text with its quotes; `also` are characters to escape beyond those that JSON wants escaped.
pub(super) fn quoted(out: &mut impl Write, text: &str, also: impl Fn(char) -> bool) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut rest = text;
    let special = |c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}' | '\u{7f}') || also(c);
    while let Some(at) = rest.find(special) {
        out.write_all(&rest.as_bytes()[..at])?;
        let mut chars = rest[at..].chars();
        if let Some(c) = chars.next() {
            escaped(out, c)?;
        }
        rest = chars.as_str();
    }
    out.write_all(rest.as_bytes())?;
    out.write_all(b"\"")
}

fn escaped(out: &mut impl Write, c: char) -> io::Result<()> {
    match c {
        '"' => out.write_all(b"\\\""),
        '\\' => out.write_all(b"\\\\"),
        '\u{8}' => out.write_all(b"\\b"),
        '\u{c}' => out.write_all(b"\\f"),
        '\n' => out.write_all(b"\\n"),
        '\r' => out.write_all(b"\\r"),
        '\t' => out.write_all(b"\\t"),
        other => other.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
    }
}

/// The entries in the order of their keys.
pub(super) fn sorted(entries: &Object) -> Vec<(&str, &Val)> {
    let mut sorted: Vec<_> = entries.iter().map(|(key, value)| (&**key, value)).collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    sorted
}

struct Writer<'a, W> {
    out: &'a mut W,
    style: &'a Style,
}

impl<W: Write> Writer<'_, W> {
    fn value(&mut self, value: &Val, depth: usize) -> io::Result<()> {
        match value {
            Val::Null => self.out.write_all(b"null"),
            Val::Bool(true) => self.out.write_all(b"true"),
            Val::Bool(false) => self.out.write_all(b"false"),
            Val::Num(number) => number::write(self.out, number),
            Val::Str(text) => string(self.out, text, self.style.ascii),
            Val::Arr(items) => self.sequence(*b"[]", depth, items.iter(), Self::value),
            Val::Obj(entries) if self.style.sort => {
                self.sequence(*b"{}", depth, sorted(entries).into_iter(), Self::entry)
            }
            Val::Obj(entries) => {
                let entries = entries.iter().map(|(key, value)| (&**key, value));
                self.sequence(*b"{}", depth, entries, Self::entry)
            }
        }
    }

    fn entry(&mut self, (key, value): (&str, &Val), depth: usize) -> io::Result<()> {
        string(self.out, key, self.style.ascii)?;
        self.out.write_all(if self.style.indent == Indent::None { b":" } else { b": " })?;
        self.value(value, depth)
    }

    fn sequence<T>(
        &mut self,
        [open, close]: [u8; 2],
        depth: usize,
        items: impl Iterator<Item = T>,
        write: impl Fn(&mut Self, T, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let depth = depth + 1;
        check_depth(depth)?;
        self.out.write_all(&[open])?;
        let mut any = false;
        for item in items {
            if any {
                self.out.write_all(b",")?;
            }
            any = true;
            self.line(depth)?;
            write(self, item, depth)?;
        }
        if any {
            self.line(depth - 1)?;
        }
        self.out.write_all(&[close])
    }

    fn line(&mut self, depth: usize) -> io::Result<()> {
        const SPACES: &[u8] = &[b' '; 64];
        let (indent, mut count): (&[u8], _) = match self.style.indent {
            Indent::None => return Ok(()),
            Indent::Spaces(width) => (SPACES, width * depth),
            Indent::Tab => (&[b'\t'; 64], depth),
        };
        self.out.write_all(b"\n")?;
        while count > 0 {
            let part = count.min(indent.len());
            self.out.write_all(&indent[..part])?;
            count -= part;
        }
        Ok(())
    }
}
