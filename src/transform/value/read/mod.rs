//! Reads JSON (RFC 8259), strictly and to a limited depth. Numbers keep their digits, which no general reader does, and
//! equal keys share their memory, which makes large lists of small objects cheap.

mod string;

use std::collections::HashSet;
use std::rc::Rc;

use super::number::{self, Num};
use super::object::{Keys, Object};
use super::{MAX_DEPTH, Val};

/// Keys that are remembered for sharing; what a list of objects repeats are a few dozen.
const KEYS: usize = 256;

/// Sets of keys that are remembered for sharing.
const SHAPES: usize = 256;

/// Longest key that is shared, in bytes.
const MAX_SHARED: usize = 64;

/// Why a text is no JSON, and where: an offset in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum ReadError {
    /// Not what has to stand there.
    #[error("{1} was expected")]
    Syntax(usize, &'static str),
    /// Nested too deeply.
    #[error("it is nested deeper than {MAX_DEPTH}")]
    Depth(usize),
}

impl ReadError {
    /// The line and the column in bytes, both from 1.
    pub fn position(self, text: &[u8]) -> (usize, usize) {
        let (Self::Syntax(at, _) | Self::Depth(at)) = self;
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        (before.split(|byte| *byte == b'\n').count(), before.len() - line_start + 1)
    }
}

type Read<T> = Result<T, ReadError>;

/// Reads all documents of a text, one after the other.
pub(in super::super) fn documents(text: &str) -> Read<Vec<Val>> {
    let mut reader = Reader::new(text);
    let mut documents = Vec::new();
    while reader.skip_space().is_some() {
        documents.push(reader.value(0)?);
    }
    Ok(documents)
}

/// Reads a text that is one document.
pub(in super::super) fn document(text: &str) -> Read<Val> {
    let mut reader = Reader::new(text);
    reader.skip_space();
    let value = reader.value(0)?;
    if reader.skip_space().is_some() { Err(reader.expected("the end")) } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    keys: Vec<Option<Rc<str>>>,
    shapes: Vec<Option<Rc<Keys>>>,
    /// Values and keys of what is not read to its end yet.
    values: Vec<Val>,
    names: Vec<Rc<str>>,
    /// Holds a text with escapes while it is put together.
    unescaped: String,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let (values, names, unescaped) = (Vec::new(), Vec::new(), String::new());
        Self { text, at: 0, keys: vec![None; KEYS], shapes: vec![None; SHAPES], values, names, unescaped }
    }

    fn expected(&self, what: &'static str) -> ReadError {
        ReadError::Syntax(self.at, what)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What comes after white space.
    fn skip_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self, depth: usize) -> Read<Val> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(|span| Val::text(self.text_of(span))),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, word: &'static str, value: Val) -> Read<Val> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn enter(&mut self, depth: usize) -> Read<Option<u8>> {
        if depth > MAX_DEPTH {
            return Err(ReadError::Depth(self.at));
        }
        self.at += 1;
        Ok(self.skip_space())
    }

    /// Steps over a comma, or over the end.
    fn more(&mut self, end: u8, expected: &'static str) -> Read<bool> {
        let next = self.skip_space();
        if next != Some(b',') && next != Some(end) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        if next == Some(end) {
            return Ok(false);
        }
        self.skip_space();
        Ok(true)
    }

    fn array(&mut self, depth: usize) -> Read<Val> {
        if self.enter(depth)? == Some(b']') {
            self.at += 1;
            return Ok(Val::array(Vec::new()));
        }
        let start = self.values.len();
        loop {
            let value = self.value(depth)?;
            self.values.push(value);
            if !self.more(b']', "a comma or \"]\"")? {
                // Exactly as much as is needed, however it grew.
                return Ok(Val::array(self.values.drain(start..).collect()));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Read<Val> {
        if self.enter(depth)? == Some(b'}') {
            self.at += 1;
            return Ok(Val::object(Object::default()));
        }
        let (start, first) = (self.values.len(), self.names.len());
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.key()?;
            self.names.push(key);
            if self.skip_space() != Some(b':') {
                return Err(self.expected("a colon"));
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth)?;
            self.values.push(value);
            if !self.more(b'}', "a comma or \"}\"")? {
                return Ok(self.finish_object(start, first));
            }
        }
    }

    /// Puts together what was read of an object. One that looks like others shares their keys.
    fn finish_object(&mut self, start: usize, first: usize) -> Val {
        let values: Vec<Val> = self.values.drain(start..).collect();
        let names = &self.names[first..];
        let address = |name: &Rc<str>| Rc::as_ptr(name).cast::<u8>().addr();
        let hash = names.iter().fold(names.len(), |hash, name| hash.rotate_left(5) ^ (address(name) >> 4));
        let shape = &mut self.shapes[hash % SHAPES];
        let same = |keys: &Rc<Keys>| {
            let known = keys.names();
            known.len() == names.len() && known.iter().zip(names).all(|(known, name)| Rc::ptr_eq(known, name))
        };
        if let Some(keys) = shape.as_ref().filter(|keys| same(keys)) {
            let keys = Rc::clone(keys);
            self.names.truncate(first);
            return Val::object(Object::new(keys, values));
        }
        let mut distinct = HashSet::with_capacity(names.len());
        if names.iter().all(|name| distinct.insert(name)) {
            let keys = Rc::new(Keys::new(self.names.drain(first..).collect()));
            *shape = Some(Rc::clone(&keys));
            return Val::object(Object::new(keys, values));
        }
        // Of a key that is repeated the last value counts.
        Val::object(self.names.drain(first..).zip(values).collect())
    }

    fn key(&mut self) -> Read<Rc<str>> {
        let span = self.string()?;
        let key = self.text_of(span);
        if key.len() > MAX_SHARED {
            return Ok(key.into());
        }
        // FNV-1a, folded: good enough for a small cache.
        let hash = key.bytes().fold(0xcbf2_9ce4_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let slot = (hash ^ (hash >> 16)) as usize % KEYS;
        if let Some(known) = self.keys[slot].as_ref().filter(|known| ***known == *key) {
            return Ok(Rc::clone(known));
        }
        let key: Rc<str> = key.into();
        self.keys[slot] = Some(Rc::clone(&key));
        Ok(key)
    }

    fn number(&mut self) -> Read<Val> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let whole = self.at;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let digits = &self.text[start..self.at];
        // -0 is no integer: its sign would be lost.
        let int = if self.at == whole && digits != "-0" { Num::from_str_radix(digits, 10) } else { None };
        Ok(Val::Num(int.unwrap_or_else(|| number::decimal(digits))))
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }
}
