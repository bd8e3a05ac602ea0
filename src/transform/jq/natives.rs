//! The functions that are not written in jq: those of the interpreter and its library, less what is
//! [`super::withheld`], and ours.

use jaq_core::data::HasLut;
use jaq_core::native::{self, Filter, Fun, bome, run, unary};
use jaq_core::{Cv, DataT, Error, Lut, RunPtr, ValR, ValXs};
use jaq_std::input::{HasInputs, Inputs, RcIter};

use super::super::value::read;
use super::super::value::{Num, Object, Val, as_f64, positions};
use super::{delete, formats, regexes, withheld};

/// What a running program can reach.
pub(super) struct Data;

/// See [`Data`].
#[derive(Clone, Copy)]
pub(super) struct Globals<'a> {
    pub lut: &'a Lut<Data>,
    pub inputs: &'a super::Inputs<'a>,
}

impl DataT for Data {
    type V<'a> = Val;
    type Data<'a> = Globals<'a>;
}

impl<'a> HasLut<'a, Data> for Globals<'a> {
    fn lut(&self) -> &'a Lut<Data> {
        self.lut
    }
}

impl<'a> HasInputs<'a, Val> for Globals<'a> {
    fn inputs(&self) -> Inputs<'a, Val> {
        let inputs: &'a RcIter<dyn Iterator<Item = Result<Val, String>> + 'a> = self.inputs;
        inputs
    }
}

/// Whether there is a native function of ours by this name, so that no definition of the library takes its place.
pub(super) fn is_own(name: &str, arity: usize) -> bool {
    own().any(|(own, arguments, _)| own == name && arguments.len() == arity)
}

fn own() -> impl Iterator<Item = Filter<RunPtr<Data>>> {
    conversions().into_iter().chain(lookups()).chain(searches())
}

/// All functions.
pub(super) fn all() -> impl Iterator<Item = Fun<Data>> {
    let library = jaq_core::funs().chain(jaq_std::funs()).filter(|(name, ..)| !withheld::native(name));
    let inputs = jaq_std::input::funs::<Data>().into_vec().into_iter().filter(|(name, ..)| !withheld::native(name));
    library.chain(inputs.chain(own()).map(|filter| run::<Data>(filter)))
}

fn v(count: usize) -> Box<[jaq_core::Bind]> {
    native::v(count)
}

fn conversions() -> Vec<Filter<RunPtr<Data>>> {
    vec![
        ("type", v(0), |cv| bome(Ok(Val::text(cv.1.type_name())))),
        ("nan", v(0), |_| bome(Ok(Val::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Val::from(f64::INFINITY)))),
        ("tojson", v(0), |cv| bome(Ok(Val::from(cv.1.to_json())))),
        ("fromjson", v(0), |cv| bome(from_json(cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("@csv", v(0), |cv| bome(formats::csv(cv.1))),
        ("@tsv", v(0), |cv| bome(formats::tsv(cv.1))),
        ("@html", v(0), |cv| bome(Ok(formats::html(&cv.1)))),
        ("@base32", v(0), |cv| bome(Ok(formats::base32(&cv.1)))),
        ("@base32d", v(0), |cv| bome(formats::from_base32(&cv.1))),
    ]
}

fn lookups() -> Vec<Filter<RunPtr<Data>>> {
    vec![
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key))),
        ("contains", v(1), |cv| unary(cv, |value, other| contains(&value, &other).map(Val::Bool))),
        ("indices", v(1), |cv| unary(cv, indices)),
        ("bsearch", v(1), |cv| unary(cv, |value, wanted| search(&value, &wanted))),
        ("delpaths", v(1), |cv| unary(cv, delete::delete_paths)),
    ]
}

fn searches() -> Vec<Filter<RunPtr<Data>>> {
    fn over(mut cv: Cv<'_, Data>, search: fn(Val, Val, Val) -> ValR<Val>) -> ValXs<'_, Val> {
        let (flags, regex) = (cv.0.pop_var(), cv.0.pop_var());
        bome(search(cv.1, regex, flags))
    }
    vec![
        ("test", v(2), |cv| over(cv, regexes::test)),
        ("_matches", v(2), |cv| over(cv, regexes::matches)),
        ("_pieces", v(2), |cv| over(cv, regexes::pieces)),
    ]
}

fn from_json(value: Val) -> ValR<Val> {
    let Val::Str(text) = value else { return Err(Error::typ(value, "string")) };
    read::document(&text).map_err(|_| Error::str("the text cannot be read as JSON"))
}

fn to_number(value: Val) -> ValR<Val> {
    match value {
        Val::Num(_) => Ok(value),
        Val::Str(text) => match read::document(&text) {
            Ok(number @ Val::Num(_)) => Ok(number),
            _ => Err(Error::str("the text cannot be read as a number")),
        },
        other => Err(Error::typ(other, "number")),
    }
}

fn length(value: &Val) -> ValR<Val> {
    Ok(match value {
        Val::Null => Val::from(0_usize),
        Val::Num(number) => Val::Num(number_length(number)),
        Val::Str(text) => Val::from(text.chars().count()),
        Val::Arr(items) => Val::from(items.len()),
        Val::Obj(entries) => Val::from(entries.len()),
        Val::Bool(_) => return Err(Error::str(format_args!("a value of type {value} has no length"))),
    })
}

/// A number's absolute value, as jq has it.
fn number_length(number: &Num) -> Num {
    if as_f64(number) < 0.0 { -number.clone() } else { number.clone() }
}

fn has(value: &Val, key: &Val) -> ValR<Val> {
    match (value, key) {
        (Val::Obj(entries), Val::Str(key)) => Ok(Val::Bool(entries.contains_key(key))),
        (Val::Arr(items), Val::Num(at)) => {
            let at = as_f64(at);
            Ok(Val::Bool(at >= 0.0 && at < items.len() as f64))
        }
        (value, key) => Err(Error::index(value.clone(), key.clone())),
    }
}

fn contains(value: &Val, other: &Val) -> Result<bool, Error<Val>> {
    let object = |left: &Object, right: &Object| {
        right.iter().try_fold(true, |all, (key, wanted)| match left.get(key) {
            Some(value) if all => contains(value, wanted),
            _ => Ok(false),
        })
    };
    match (value, other) {
        (Val::Obj(left), Val::Obj(right)) => object(left, right),
        (Val::Arr(left), Val::Arr(right)) => right.iter().try_fold(true, |all, wanted| {
            // Values of different types do not contain each other; only at the top is it a mistake to ask.
            let any = || left.iter().any(|value| contains(value, wanted).unwrap_or(false));
            Ok(all && any())
        }),
        (Val::Str(left), Val::Str(right)) => Ok(left.contains(&**right)),
        (left, right) if left.type_name() == right.type_name() => Ok(left == right),
        (left, right) => Err(Error::index(left.clone(), right.clone())),
    }
}

fn indices(value: Val, wanted: Val) -> ValR<Val> {
    Ok(match (value, wanted) {
        (Val::Null, _) => Val::Null,
        (Val::Str(text), Val::Str(wanted)) if wanted.is_empty() => {
            let _ = text;
            Val::Null
        }
        (Val::Str(text), Val::Str(wanted)) => {
            let starts = text.char_indices().enumerate();
            starts
                .filter(|(_, (offset, _))| text[*offset..].starts_with(&*wanted))
                .map(|(at, _)| Val::from(at))
                .collect()
        }
        (Val::Arr(items), Val::Arr(wanted)) => positions(&items, &wanted),
        (Val::Arr(items), wanted) => positions(&items, &[wanted]),
        (value, wanted) => return Err(Error::index(value, wanted)),
    })
}

fn search(value: &Val, wanted: &Val) -> ValR<Val> {
    let Val::Arr(items) = value else { return Err(Error::typ(value.clone(), "array")) };
    let place = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
    Ok(Val::from(items.binary_search(wanted).map_or_else(|at| -1 - place(at), place)))
}
