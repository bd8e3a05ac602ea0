//! Writes YAML in block style: sequences not indented below their key, as `kubectl` and kustomize write them; texts of
//! several lines as literal blocks, so that a difference shows line by line; every text that some reader could take for
//! something else in quotes.

use std::io::{self, Write};

use super::super::write::{Unwritable, check_depth, quoted};
use super::super::{Object, Val, number};

/// Texts that readers of YAML 1.1 or 1.2 take for booleans, null or numbers, in lower case.
const WORDS: [&str; 14] =
    ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity", "t", "f"];

/// Longest text that is a plain key: YAML allows 1,024 characters before the colon, and quotes help no further.
const MAX_PLAIN: usize = 128;

/// Longest key with its quotes, in bytes; YAML counts up to 1,024 characters before the colon.
const MAX_KEY: usize = 1000;

/// Writes a value as a document, with a line break after it.
pub(in super::super::super) fn yaml(out: &mut impl Write, value: &Val) -> io::Result<()> {
    match value {
        Val::Arr(items) if !items.is_empty() => sequence(out, items, 0, 1, false),
        Val::Obj(entries) if !entries.is_empty() => mapping(out, entries, 0, 1, false),
        other => {
            scalar(out, other, 2, 1)?;
            out.write_all(b"\n")
        }
    }
}

fn indent(out: &mut impl Write, width: usize) -> io::Result<()> {
    write!(out, "{:width$}", "")
}

/// The items, each below the last; the first one in the line that was begun when `begun`.
fn sequence(out: &mut impl Write, items: &[Val], width: usize, depth: usize, begun: bool) -> io::Result<()> {
    check_depth(depth)?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 || !begun {
            indent(out, width)?;
        }
        out.write_all(b"- ")?;
        match item {
            Val::Arr(items) if !items.is_empty() => sequence(out, items, width + 2, depth + 1, true)?,
            Val::Obj(entries) if !entries.is_empty() => mapping(out, entries, width + 2, depth + 1, true)?,
            other => {
                scalar(out, other, width + 2, depth + 1)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(())
}

fn mapping(out: &mut impl Write, entries: &Object, width: usize, depth: usize, begun: bool) -> io::Result<()> {
    check_depth(depth)?;
    for (at, (key, value)) in entries.iter().enumerate() {
        if at > 0 || !begun {
            indent(out, width)?;
        }
        write_key(out, key)?;
        out.write_all(b":")?;
        match value {
            Val::Arr(items) if !items.is_empty() => {
                out.write_all(b"\n")?;
                sequence(out, items, width, depth + 1, false)?;
            }
            Val::Obj(entries) if !entries.is_empty() => {
                out.write_all(b"\n")?;
                mapping(out, entries, width + 2, depth + 1, false)?;
            }
            other => {
                out.write_all(b" ")?;
                scalar(out, other, width + 2, depth + 1)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(())
}

fn write_key(out: &mut impl Write, key: &str) -> io::Result<()> {
    if is_plain(key) {
        return out.write_all(key.as_bytes());
    }
    let mut written = Vec::new();
    quoted(&mut written, key, is_unprintable)?;
    if written.len() > MAX_KEY {
        return Err(io::Error::new(io::ErrorKind::InvalidData, Unwritable::LongKey));
    }
    out.write_all(&written)
}

/// Anything that stands in its line; the lines of a block are indented by `width`. Collections are empty ones.
fn scalar(out: &mut impl Write, value: &Val, width: usize, depth: usize) -> io::Result<()> {
    match value {
        Val::Null => out.write_all(b"null"),
        Val::Bool(value) => write!(out, "{value}"),
        Val::Num(value) => number::write(out, value),
        Val::Str(text) if is_plain(text) => out.write_all(text.as_bytes()),
        Val::Str(text) if is_block(text) => block(out, text, width),
        Val::Str(text) => quoted(out, text, is_unprintable),
        Val::Arr(_) => check_depth(depth).and_then(|()| out.write_all(b"[]")),
        Val::Obj(_) => check_depth(depth).and_then(|()| out.write_all(b"{}")),
    }
}

/// Characters beyond ASCII that YAML takes only in an escape, or for a line break.
fn is_unprintable(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a text needs no quotes for any reader. What starts with a letter or a slash is no number and no date; the
/// rest is about what YAML gives a meaning to.
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | ':' | '@' | '+' | '=' | ',' | '(' | ')')
    };
    starts
        && text.len() <= MAX_PLAIN
        && text.chars().all(plain)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text can be a literal block: several lines of printable characters, the first of which shows where the
/// block's indentation ends.
fn is_block(text: &str) -> bool {
    let printable = |c: char| c == '\n' || c == '\t' || (!c.is_control() && !is_unprintable(c));
    let starts = !text.starts_with([' ', '\t', '\n']);
    // Lines that end in white space would be invisible.
    let ends = text.lines().all(|line| !line.ends_with([' ', '\t']));
    text.contains('\n') && starts && ends && text.chars().all(printable)
}

fn block(out: &mut impl Write, text: &str, width: usize) -> io::Result<()> {
    let (body, chomping) = match text.strip_suffix('\n') {
        None => (text, "-"),
        Some(body) if body.ends_with('\n') => (body, "+"),
        Some(body) => (body, ""),
    };
    write!(out, "|{chomping}")?;
    for line in body.split('\n') {
        out.write_all(b"\n")?;
        if !line.is_empty() {
            indent(out, width)?;
            out.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}
