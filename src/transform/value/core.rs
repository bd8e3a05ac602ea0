//! What the interpreter asks of its values: making them, taking them apart, and the conversions of the standard library.

use std::rc::Rc;

use jaq_core::path::Opt;
use jaq_core::{Exn, ValR, ValX, val};

use super::number::{self, Num};
use super::{Object, Val, index, update};

/// An error of the interpreter.
pub(in super::super) type Error = jaq_core::Error<Val>;

impl jaq_core::ValT for Val {
    fn from_num(digits: &str) -> ValR<Self> {
        Ok(Self::Num(Num::from_str_radix(digits, 10).unwrap_or_else(|| Num::Dec(Rc::new(digits.to_owned())))))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(entries: I) -> ValR<Self> {
        let entry = |(key, value)| match key {
            Self::Str(key) => Ok((key, value)),
            other => Err(Error::str(format_args!("cannot use {other} as the key of an object"))),
        };
        entries.into_iter().map(entry).collect::<Result<Object, _>>().map(Self::object)
    }

    fn key_values(self) -> Box<dyn Iterator<Item = ValR<(Self, Self), Self>>> {
        match self {
            Self::Arr(items) => {
                let items = unwrap(items).into_iter().enumerate();
                Box::new(items.map(|(at, item)| Ok((Self::from(at), item))))
            }
            Self::Obj(entries) => Box::new(unwrap(entries).into_iter().map(|(key, value)| Ok((Self::Str(key), value)))),
            other => Box::new(std::iter::once(Err(not_iterable(&other)))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self {
            Self::Arr(items) => Box::new(unwrap(items).into_iter().map(Ok)),
            Self::Obj(entries) => Box::new(unwrap(entries).into_values().map(Ok)),
            other => Box::new(std::iter::once(Err(not_iterable(&other)))),
        }
    }

    fn index(self, key: &Self) -> ValR<Self> {
        index::at(self, key)
    }

    fn range(self, range: val::Range<&Self>) -> ValR<Self> {
        index::slice(self, range)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(self, opt: Opt, f: impl Fn(Self) -> I) -> ValX<'a, Self> {
        match self {
            Self::Arr(items) => unwrap(items).into_iter().flat_map(f).collect(),
            Self::Obj(entries) => unwrap(entries).map(|value| f(value).next().transpose()).map(Self::object),
            other => opt.fail(other, |other| Exn::from(not_iterable(&other))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        key: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        update::at(self, key, opt, f)
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: val::Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        update::slice(self, range, opt, f)
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        Self::Str(self.to_text())
    }
}

impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Arr(items) => Ok(unwrap(items).into_iter().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Num(number) if number::is_int(number))
    }

    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Num(number) if number::is_int(number) => number.as_isize(),
            // A calculated 2.0 is as good as a 2, as in jq.
            Self::Num(number) if number::as_f64(number).fract() == 0.0 => Some(number::to_int(number, f64::trunc)),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        if let Self::Num(number) = self { Some(number::as_f64(number)) } else { None }
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Str(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Str(text) = self { Some(text.as_bytes()) } else { None }
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Self::text(&String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(&String::from_utf8_lossy(bytes.as_ref()))
    }
}

/// The contents, copied only when somebody else holds them too.
pub(super) fn unwrap<T: Clone>(shared: Rc<T>) -> T {
    Rc::try_unwrap(shared).unwrap_or_else(|shared| (*shared).clone())
}

pub(super) fn not_iterable(value: &Val) -> Error {
    Error::typ(value.clone(), "array or object")
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<isize> for Val {
    fn from(value: isize) -> Self {
        Self::Num(Num::Int(value))
    }
}

impl From<usize> for Val {
    fn from(value: usize) -> Self {
        Self::Num(Num::from_integral(value))
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Self {
        Self::Num(Num::Float(value))
    }
}

impl From<String> for Val {
    fn from(value: String) -> Self {
        Self::Str(value.into())
    }
}

impl From<val::Range<Val>> for Val {
    fn from(range: val::Range<Val>) -> Self {
        // As in jq: a path names both ends of a slice.
        let end = |end: Option<Self>| end.unwrap_or_default();
        let entries = [("start".into(), end(range.start)), ("end".into(), end(range.end))];
        Self::object(entries.into_iter().collect())
    }
}

impl FromIterator<Self> for Val {
    fn from_iter<T: IntoIterator<Item = Self>>(items: T) -> Self {
        Self::array(items.into_iter().collect())
    }
}
