//! Judges an answer as a whole, from its first bytes.

use std::io::{self, BufRead as _, BufReader};

use super::{GuardError, Refusal};
use crate::generators::Content;
use crate::spool::Spool;

/// How much of an answer is looked at, whitespace not counted: a page says that it is one within its first lines.
const HEAD: usize = 1024;

/// The UTF-8 byte order mark, which some editors and .NET put first.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What the answer is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// It will be unpacked: its label says nothing, origins serve archives under all sorts of types.
    pub archive: bool,
    /// It goes to a file that is named as a page.
    pub html: bool,
    /// It may be empty.
    pub empty: bool,
}

/// Refuses an empty answer unless that is expected, and a page unless that is expected.
pub fn answer(content: &Content, expected: Expected) -> Result<(), GuardError> {
    let head = Head::read(&content.body)?;
    if !expected.empty {
        head.refuse_empty()?;
    }
    if expected.html {
        return Ok(());
    }
    if head.is_page() {
        return Err(Refusal::HtmlBody.into());
    }
    // PHP labels everything as a page unless told otherwise: what starts as JSON is JSON.
    let labelled = !expected.archive && content.content_type.as_deref().is_some_and(is_html);
    if labelled && !head.text.is_empty() && !matches!(head.text[0], b'{' | b'[') {
        return Err(Refusal::HtmlType.into());
    }
    Ok(())
}

/// Refuses an empty result of hooks and transformation. What it is otherwise, whoever wrote them decides.
pub fn result(body: &Spool) -> Result<(), GuardError> {
    Head::read(body)?.refuse_empty().map_err(|refusal| match refusal {
        Refusal::EmptyValue(value) => Refusal::EmptyResultValue(value),
        _ => Refusal::EmptyResult,
    })?;
    Ok(())
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// The start of an answer, with every run of whitespace as one space and none in front.
struct Head {
    text: Vec<u8>,
    /// Whether this is all there is.
    complete: bool,
}

impl Head {
    fn read(body: &Spool) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(4096, body.reader());
        if reader.fill_buf()?.starts_with(BOM) {
            reader.consume(BOM.len());
        }
        let mut text = Vec::new();
        loop {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok(Self { text, complete: true });
            }
            for byte in chunk {
                let byte = if byte.is_ascii_whitespace() { b' ' } else { *byte };
                if byte != b' ' || text.last().is_some_and(|last| *last != b' ') {
                    text.push(byte);
                }
                if text.len() == HEAD {
                    return Ok(Self { text, complete: false });
                }
            }
            let len = chunk.len();
            reader.consume(len);
        }
    }

    fn refuse_empty(&self) -> Result<(), Refusal> {
        if !self.complete {
            return Ok(());
        }
        match self.text.trim_ascii_end() {
            b"" => Err(Refusal::EmptyAnswer),
            b"[]" | b"[ ]" => Err(Refusal::EmptyValue("[]")),
            b"{}" | b"{ }" => Err(Refusal::EmptyValue("{}")),
            b"null" => Err(Refusal::EmptyValue("null")),
            _ => Ok(()),
        }
    }

    /// Whether it starts as a page, after comments and an XML declaration.
    fn is_page(&self) -> bool {
        let mut rest = self.text.as_slice();
        loop {
            rest = rest.trim_ascii_start();
            let end = match rest {
                [b'<', b'!', b'-', b'-', ..] => "-->",
                [b'<', b'?', ..] => "?>",
                _ => break,
            };
            match rest.windows(end.len()).position(|window| window == end.as_bytes()) {
                Some(at) => rest = &rest[at + end.len()..],
                None => return false,
            }
        }
        let starts = |tag: &[u8]| rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag));
        starts(b"<!doctype html") || starts(b"<html")
    }
}
