//! Regular expressions: by the crate `regex`, whose time is linear in the text, and which for that has neither
//! look-around nor back-references.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jaq_core::{Error, ValR};
use regex::{Captures, Regex, RegexBuilder};

use super::super::value::{Object, Val};

/// Expressions that are kept compiled; programs have a few, and use them for every item.
const KEPT: usize = 64;

/// By expression and flags.
type Compiled = HashMap<(Rc<str>, Rc<str>), Rc<Pattern>>;

thread_local! {
    static COMPILED: RefCell<Compiled> = RefCell::default();
}

struct Pattern {
    regex: Regex,
    /// All matches instead of the first one.
    global: bool,
    /// Empty matches do not count.
    not_empty: bool,
}

fn compile(regex: &str, flags: &str) -> Result<Pattern, &'static str> {
    let mut builder = RegexBuilder::new(regex);
    let (mut global, mut not_empty) = (false, false);
    for flag in flags.chars() {
        match flag {
            'g' => global = true,
            'n' => not_empty = true,
            'i' => _ = builder.case_insensitive(true),
            'x' => _ = builder.ignore_whitespace(true),
            'p' => _ = builder.dot_matches_new_line(true),
            // ^ and $ match at the ends of the text alone anyway; the longest of several alternatives is not looked for.
            's' => {}
            _ => return Err(BAD_FLAG),
        }
    }
    let regex = builder.build().map_err(|_| BAD_REGEX)?;
    Ok(Pattern { regex, global, not_empty })
}

/// See [`compile`].
pub(super) const BAD_FLAG: &str = "the flags of a regular expression are letters out of \"ginpsx\"";
/// See [`compile`].
pub(super) const BAD_REGEX: &str =
    "a regular expression cannot be used; look-around and back-references are not available";

fn pattern(regex: Val, flags: Val) -> Result<Rc<Pattern>, Error<Val>> {
    let Val::Str(regex) = regex else { return Err(Error::typ(regex, "string")) };
    let flags = match flags {
        Val::Null => "".into(),
        Val::Str(flags) => flags,
        other => return Err(Error::typ(other, "string")),
    };
    COMPILED.with_borrow_mut(|compiled| {
        let key = (regex, flags);
        if let Some(known) = compiled.get(&key) {
            return Ok(Rc::clone(known));
        }
        let new = Rc::new(compile(&key.0, &key.1).map_err(Error::str)?);
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.insert(key, Rc::clone(&new));
        Ok(new)
    })
}

fn text(value: Val) -> Result<Rc<str>, Error<Val>> {
    if let Val::Str(text) = value { Ok(text) } else { Err(Error::typ(value, "string")) }
}

impl Pattern {
    fn captures<'t>(&self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        let most = if self.global { usize::MAX } else { 1 };
        let not_empty = self.not_empty;
        let counts =
            move |captures: &Captures<'_>| !not_empty || captures.get(0).is_some_and(|whole| !whole.is_empty());
        self.regex.captures_iter(text).filter(counts).take(most)
    }
}

/// Counts characters up to byte offsets that mostly ascend.
struct Offsets<'t> {
    text: &'t str,
    bytes: usize,
    characters: usize,
}

impl Offsets<'_> {
    fn at(&mut self, bytes: usize) -> usize {
        if bytes < self.bytes {
            (self.bytes, self.characters) = (0, 0);
        }
        self.characters += self.text[self.bytes..bytes].chars().count();
        self.bytes = bytes;
        self.characters
    }
}

fn part(found: Option<regex::Match<'_>>, offsets: &mut Offsets<'_>) -> Object {
    let (offset, length, string) = match found {
        Some(found) => {
            let offset = offsets.at(found.start());
            (Val::from(offset), found.as_str().chars().count(), Val::text(found.as_str()))
        }
        None => (Val::from(-1_isize), 0, Val::Null),
    };
    let entries = [("offset", offset), ("length", Val::from(length)), ("string", string)];
    entries.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

fn describe(pattern: &Pattern, captures: &Captures<'_>, offsets: &mut Offsets<'_>) -> Val {
    let mut whole = part(captures.get(0), offsets);
    let names = pattern.regex.capture_names().skip(1);
    let groups = names.zip(captures.iter().skip(1)).map(|(name, group)| {
        let mut group = part(group, offsets);
        group.insert("name".into(), name.map_or(Val::Null, Val::text));
        Val::object(group)
    });
    let groups = groups.collect();
    whole.insert("captures".into(), groups);
    Val::object(whole)
}

/// Whether the text matches.
pub(super) fn test(value: Val, regex: Val, flags: Val) -> ValR<Val> {
    let (text, pattern) = (text(value)?, pattern(regex, flags)?);
    Ok(Val::Bool(pattern.captures(&text).next().is_some()))
}

/// All matches, as `match` describes them.
pub(super) fn matches(value: Val, regex: Val, flags: Val) -> ValR<Val> {
    let (text, pattern) = (text(value)?, pattern(regex, flags)?);
    let mut offsets = Offsets { text: &text, bytes: 0, characters: 0 };
    Ok(pattern.captures(&text).map(|captures| describe(&pattern, &captures, &mut offsets)).collect())
}

/// What stands between the matches, as texts, and the matches, as objects, in turn.
pub(super) fn pieces(value: Val, regex: Val, flags: Val) -> ValR<Val> {
    let (text, pattern) = (text(value)?, pattern(regex, flags)?);
    let mut offsets = Offsets { text: &text, bytes: 0, characters: 0 };
    let (mut pieces, mut end) = (Vec::new(), 0);
    for captures in pattern.captures(&text) {
        let Some(whole) = captures.get(0) else { continue };
        pieces.push(Val::text(&text[end..whole.start()]));
        pieces.push(describe(&pattern, &captures, &mut offsets));
        end = whole.end();
    }
    pieces.push(Val::text(&text[end..]));
    Ok(Val::array(pieces))
}
