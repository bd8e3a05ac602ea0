//! `+`, `-`, `*`, `/` and `%` as jq has them.

use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::ValR;
use jaq_core::ops::Math;

use super::core::{Error, unwrap};
use super::number::{self, Num};
use super::{Object, Val};

/// Longest text that a repetition may make, in bytes: no document is that long, and asking for more memory than there
/// is would end the process without a word.
const MAX_REPEATED: usize = 1 << 30;

impl Add for Val {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> Self::Output {
        Ok(match (self, other) {
            (Self::Null, value) | (value, Self::Null) => value,
            (Self::Num(left), Self::Num(right)) => Self::Num(left + right),
            (Self::Str(left), Self::Str(right)) => {
                let mut text = String::with_capacity(left.len() + right.len());
                text.push_str(&left);
                text.push_str(&right);
                Self::from(text)
            }
            (Self::Arr(mut left), Self::Arr(right)) => {
                Rc::make_mut(&mut left).extend(unwrap(right));
                Self::Arr(left)
            }
            (Self::Obj(mut left), Self::Obj(right)) => {
                Rc::make_mut(&mut left).extend(unwrap(right));
                Self::Obj(left)
            }
            (left, right) => return Err(Error::math(left, Math::Add, right)),
        })
    }
}

impl Sub for Val {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> Self::Output {
        match (self, other) {
            (Self::Num(left), Self::Num(right)) => Ok(Self::Num(left - right)),
            (Self::Arr(mut left), Self::Arr(right)) => {
                let gone: BTreeSet<_> = right.iter().collect();
                Rc::make_mut(&mut left).retain(|item| !gone.contains(item));
                Ok(Self::Arr(left))
            }
            (left, right) => Err(Error::math(left, Math::Sub, right)),
        }
    }
}

fn merge(left: &mut Rc<Object>, right: Rc<Object>) {
    let left = Rc::make_mut(left);
    for (key, value) in unwrap(right) {
        match (left.get_mut(&key), value) {
            (Some(Val::Obj(left)), Val::Obj(right)) => merge(left, right),
            (Some(left), right) => *left = right,
            (None, right) => {
                left.insert(key, right);
            }
        }
    }
}

fn repeat(text: &str, times: &Num) -> ValR<Val> {
    let times = number::as_f64(times);
    if times.is_nan() || times <= 0.0 {
        return Ok(Val::Null);
    }
    #[allow(clippy::cast_sign_loss, reason = "positive, and `as` cuts off")]
    let times = times.ceil() as usize;
    match text.len().checked_mul(times) {
        Some(len) if len <= MAX_REPEATED => Ok(Val::from(text.repeat(times))),
        _ => Err(Error::str("the repeated string is too long")),
    }
}

impl Mul for Val {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> Self::Output {
        match (self, other) {
            (Self::Num(left), Self::Num(right)) => Ok(Self::Num(left * right)),
            (Self::Str(text), Self::Num(times)) | (Self::Num(times), Self::Str(text)) => repeat(&text, &times),
            (Self::Obj(mut left), Self::Obj(right)) => {
                merge(&mut left, right);
                Ok(Self::Obj(left))
            }
            (left, right) => Err(Error::math(left, Math::Mul, right)),
        }
    }
}

/// A text cut at a separator; without one, into its characters.
pub(in super::super) fn split(text: &str, separator: &str) -> Val {
    if text.is_empty() {
        Val::array(Vec::new())
    } else if separator.is_empty() {
        text.chars().map(|c| Val::from(String::from(c))).collect()
    } else {
        text.split(separator).map(Val::text).collect()
    }
}

impl Div for Val {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> Self::Output {
        match (self, other) {
            (Self::Num(left), Self::Num(right)) if number::as_f64(&right) != 0.0 => Ok(Self::Num(left / right)),
            (Self::Num(_), Self::Num(_)) => Err(Error::str("cannot divide by zero")),
            (Self::Str(text), Self::Str(separator)) => Ok(split(&text, &separator)),
            (left, right) => Err(Error::math(left, Math::Div, right)),
        }
    }
}

impl Rem for Val {
    type Output = ValR<Self>;

    fn rem(self, other: Self) -> Self::Output {
        // jq takes remainders of integers only.
        let int =
            |number: Num| if number::is_int(&number) { number } else { Num::Int(number::to_int(&number, f64::trunc)) };
        match (self, other) {
            (Self::Num(left), Self::Num(right)) => match (int(left), int(right)) {
                (_, Num::Int(0)) => Err(Error::str("cannot divide by zero")),
                (left, right) => Ok(Self::Num(left % right)),
            },
            (left, right) => Err(Error::math(left, Math::Rem, right)),
        }
    }
}

impl Neg for Val {
    type Output = ValR<Self>;

    fn neg(self) -> Self::Output {
        match self {
            Self::Num(number) => Ok(Self::Num(-number)),
            other => Err(Error::typ(other, "number")),
        }
    }
}
