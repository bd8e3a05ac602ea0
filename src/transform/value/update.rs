//! Changing the value at a key or a slice: `.[key] |= f`. What is not there is made, as in jq, and what becomes nothing
//! is taken out without disturbing the order of the rest.

use std::rc::Rc;

use jaq_core::path::Opt;
use jaq_core::{Exn, ValX, val};

use super::core::Error;
use super::number::Num;
use super::{Object, Val, index};

/// Longest array that an assignment past the end may make; jq has the same limit.
const MAX_LENGTH: usize = 1 << 29;

/// Changes the value at a key.
pub(super) fn at<'a, I: Iterator<Item = ValX<'a, Val>>>(
    value: Val,
    key: &Val,
    opt: Opt,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    match (value, key) {
        (value @ (Val::Null | Val::Arr(_) | Val::Str(_)), Val::Obj(range)) => {
            let (start, end) = index::ends(range);
            slice(value, start..end, opt, f)
        }
        (Val::Null, Val::Str(key)) => entry(Rc::default(), key, f),
        (Val::Obj(entries), Val::Str(key)) => entry(entries, key, f),
        (Val::Null, Val::Num(at)) => item(Rc::default(), at, opt, f),
        (Val::Arr(items), Val::Num(at)) => item(items, at, opt, f),
        (value, key) => opt.fail(value, |value| Exn::from(Error::index(value, key.clone()))),
    }
}

fn entry<'a, I: Iterator<Item = ValX<'a, Val>>>(
    mut entries: Rc<Object>,
    key: &Rc<str>,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    let object = Rc::make_mut(&mut entries);
    // Taken out meanwhile, so that it can be changed in place.
    let old = object.get_mut(key).map(std::mem::take);
    let known = old.is_some();
    match f(old.unwrap_or_default()).next().transpose()? {
        Some(new) => {
            object.insert(Rc::clone(key), new);
        }
        None if known => {
            object.remove(key);
        }
        None => {}
    }
    Ok(Val::Obj(entries))
}

fn item<'a, I: Iterator<Item = ValX<'a, Val>>>(
    mut items: Rc<Vec<Val>>,
    at: &Num,
    opt: Opt,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    let Some(at) = index::position(at, items.len()).filter(|at| *at < MAX_LENGTH) else {
        return opt.fail(Val::Arr(items), |_| Exn::from(Error::str("the index is out of bounds")));
    };
    let array = Rc::make_mut(&mut items);
    let old = array.get_mut(at).map(std::mem::take);
    let known = old.is_some();
    match f(old.unwrap_or_default()).next().transpose()? {
        Some(new) => {
            if !known {
                array.resize(at + 1, Val::Null);
            }
            array[at] = new;
        }
        None if known => {
            array.remove(at);
        }
        None => {}
    }
    Ok(Val::Arr(items))
}

/// Changes a part of an array or a string.
pub(super) fn slice<'a, I: Iterator<Item = ValX<'a, Val>>>(
    value: Val,
    range: val::Range<&Val>,
    opt: Opt,
    f: impl Fn(Val) -> I,
) -> ValX<'a, Val> {
    let mut items = match value {
        Val::Null => Rc::default(),
        Val::Arr(items) => items,
        other => return opt.fail(other, |other| Exn::from(Error::typ(other, "array"))),
    };
    let (start, end) = match index::bounds(&range, items.len()) {
        Ok(bounds) => bounds,
        Err(error) => return opt.fail(Val::Arr(items), |_| Exn::from(error)),
    };
    let part = items[start..end].iter().cloned().collect();
    match f(part).next().transpose()? {
        Some(Val::Arr(new)) => {
            Rc::make_mut(&mut items).splice(start..end, new.iter().cloned());
        }
        Some(other) => return Err(Error::typ(other, "array").into()),
        None => {
            Rc::make_mut(&mut items).drain(start..end);
        }
    }
    Ok(Val::Arr(items))
}
