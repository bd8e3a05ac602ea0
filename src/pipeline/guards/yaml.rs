//! Looks for the first document with something in it, in bounded memory and without insisting on YAML: a chart's
//! templates are no YAML until they are rendered. What cannot be read counts as something.

use serde_json::Value;

/// Longest document that may turn out to be empty, comments and blank lines not counted. One that is longer has
/// something in it.
const MAX_EMPTY: usize = 16 * 1024;

/// Documents longer than this are only parsed when they could be a List.
const SHORT: usize = 256;

/// Most whitespace before a line's text that is kept.
const MAX_INDENT: usize = 1024;

/// Reads a file in chunks of any size.
#[derive(Default)]
pub(super) struct Scan {
    /// The current document without comment lines and blank lines.
    document: Vec<u8>,
    /// Where the current line starts in `document`.
    line: usize,
    at: Position,
    started: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Position {
    /// Nothing but whitespace so far in this line.
    #[default]
    Start,
    Comment,
    Text,
}

impl Scan {
    /// Reads on; true as soon as there is a document with something in it.
    pub fn feed(&mut self, chunk: &[u8]) -> bool {
        let mut chunk = chunk;
        if !std::mem::replace(&mut self.started, true) {
            chunk = chunk.strip_prefix(b"\xef\xbb\xbf").unwrap_or(chunk);
        }
        chunk.iter().any(|byte| self.byte(*byte))
    }

    /// Whether there was such a document.
    pub fn finish(mut self) -> bool {
        self.end_line() || self.end_document()
    }

    fn byte(&mut self, byte: u8) -> bool {
        if matches!(byte, b'\n' | b'\r') {
            return self.end_line();
        }
        match self.at {
            Position::Comment => return false,
            Position::Start if byte == b'#' => {
                self.at = Position::Comment;
                return false;
            }
            Position::Start if byte.is_ascii_whitespace() => {
                if self.document.len() - self.line < MAX_INDENT {
                    self.document.push(byte);
                }
                return false;
            }
            Position::Start => self.at = Position::Text,
            Position::Text => {}
        }
        self.document.push(byte);
        self.document.len() > MAX_EMPTY
    }

    /// Ends a line; true when it also ended a document with something in it.
    fn end_line(&mut self) -> bool {
        if std::mem::take(&mut self.at) != Position::Text {
            self.document.truncate(self.line);
            return false;
        }
        let line = &self.document[self.line..];
        let marks =
            |mark: &[u8]| line.strip_prefix(mark).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace));
        if marks(b"---") || marks(b"...") {
            let rest = line[3..].to_vec();
            self.document.truncate(self.line);
            if self.end_document() {
                return true;
            }
            self.document = rest;
        } else if line.starts_with(b"%") && self.line == 0 {
            // A directive, such as %YAML 1.2.
            self.document.clear();
        }
        if !self.document.is_empty() {
            self.document.push(b'\n');
        }
        self.line = self.document.len();
        false
    }

    fn end_document(&mut self) -> bool {
        let has_something = !is_empty(&self.document);
        self.document.clear();
        self.line = 0;
        has_something
    }
}

fn is_empty(document: &[u8]) -> bool {
    let document = document.trim_ascii();
    if document.is_empty() {
        return true;
    }
    if document.len() > SHORT && !document.windows(4).any(|window| window == b"List") {
        return false;
    }
    let Ok(text) = std::str::from_utf8(document) else { return false };
    // A line that is a comment only after "---" is all that is left of the document.
    text.starts_with('#') && !text.contains('\n')
        || serde_saphyr::from_str::<Value>(text).is_ok_and(|value| holds_nothing(&value))
}

/// What kustomize drops: nothing at all, and Lists without items
/// (<https://github.com/kubernetes-sigs/kustomize/blob/master/api/resource/factory.go>, `RNodesFromBytes`).
fn holds_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) if object.is_empty() => true,
        Value::Object(object) => {
            let is_list = object.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
            is_list
                && match object.get("items") {
                    None | Some(Value::Null) => true,
                    Some(Value::Array(items)) => items.iter().all(holds_nothing),
                    Some(Value::Object(items)) => items.is_empty(),
                    Some(_) => false,
                }
        }
        _ => false,
    }
}
