//! `.[key]` and `.[from:to]`.

use jaq_core::{ValR, val};

use super::core::Error;
use super::number::{self, Num};
use super::{Object, Val};

/// The value at a key.
pub(super) fn at(value: Val, key: &Val) -> ValR<Val> {
    match (value, key) {
        (Val::Null, Val::Null | Val::Str(_) | Val::Num(_) | Val::Obj(_)) => Ok(Val::Null),
        (Val::Obj(entries), Val::Str(key)) => Ok(entries.get(key).cloned().unwrap_or_default()),
        (Val::Arr(items), Val::Num(at)) => {
            Ok(position(at, items.len()).and_then(|at| items.get(at)).cloned().unwrap_or_default())
        }
        (Val::Arr(items), Val::Arr(wanted)) => Ok(positions(&items, wanted)),
        (value @ (Val::Arr(_) | Val::Str(_)), Val::Obj(range)) => {
            let (start, end) = ends(range);
            slice(value, start..end)
        }
        (value, key) => Err(Error::index(value, key.clone())),
    }
}

/// Where a number points to in `len` items, counted from the end when it is negative.
pub(in super::super) fn position(at: &Num, len: usize) -> Option<usize> {
    if number::as_f64(at).is_nan() {
        return None;
    }
    let at = number::to_int(at, f64::floor);
    if at < 0 { len.checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) }
}

/// Where `wanted` stands in `items`.
pub(in super::super) fn positions(items: &[Val], wanted: &[Val]) -> Val {
    if wanted.is_empty() {
        return Val::Null;
    }
    let windows = items.windows(wanted.len()).enumerate();
    windows.filter(|(_, window)| *window == wanted).map(|(at, _)| Val::from(at)).collect()
}

/// Both ends of a slice that is written as an object.
pub(super) fn ends(range: &Object) -> (Option<&Val>, Option<&Val>) {
    (range.get("start"), range.get("end"))
}

/// Both ends of a slice of `len` items: the start is rounded down, the end up, and neither leads outside.
pub(in super::super) fn bounds(range: &val::Range<&Val>, len: usize) -> Result<(usize, usize), Error> {
    let bound = |end: Option<&Val>, round: fn(f64) -> f64, absent: usize| match end {
        None | Some(Val::Null) => Ok(absent),
        Some(Val::Num(at)) => {
            let at = number::to_int(at, round);
            Ok(if at < 0 { len.saturating_sub(at.unsigned_abs()) } else { at.unsigned_abs().min(len) })
        }
        Some(other) => Err(Error::typ(other.clone(), "number")),
    };
    let start = bound(range.start, f64::floor, 0)?;
    let end = bound(range.end, f64::ceil, len)?;
    Ok((start, end.max(start)))
}

/// The byte offset of the character at `count`.
pub(super) fn offset(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(offset, _)| offset)
}

/// A part of an array or, by characters, of a string.
pub(super) fn slice(value: Val, range: val::Range<&Val>) -> ValR<Val> {
    match value {
        Val::Null => bounds(&range, 0).map(|_| Val::Null),
        Val::Arr(items) => {
            let (start, end) = bounds(&range, items.len())?;
            Ok(items[start..end].iter().cloned().collect())
        }
        Val::Str(text) => {
            let (start, end) = bounds(&range, text.chars().count())?;
            Ok(Val::text(&text[offset(&text, start)..offset(&text, end)]))
        }
        other => Err(Error::typ(other, "array or string")),
    }
}
