//! Reads YAML, with the two booleans of version 1.2, anchors and merge keys, within limits. Numbers beyond 64 bits become
//! doubles.

use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::number::Num;
use super::super::{MAX_DEPTH, Object, Val};

/// What aliases may expand to, in nodes: they let a small document stand for a huge one.
const MAX_EXPANDED: usize = 100_000;

/// Why a text is no YAML: line and column, where known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super::super) struct ReadError(pub Option<(u64, u64)>);

/// Reads all documents of a text; those that are empty are left out.
pub(in super::super::super) fn documents(text: &str) -> Result<Vec<Val>, ReadError> {
    let mut options = serde_saphyr::options! { with_snippet: false, emit_comments: false, strict_booleans: true };
    if let Some(budget) = &mut options.budget {
        // How large a document may be is decided elsewhere; here it is about what it expands to.
        budget.max_events = usize::MAX;
        budget.max_nodes = usize::MAX;
        budget.max_documents = usize::MAX;
        budget.max_total_scalar_bytes = usize::MAX;
        budget.max_depth = MAX_DEPTH;
        budget.flow_nesting_limit = MAX_DEPTH;
    }
    options.alias_limits.max_total_replayed_events = MAX_EXPANDED;
    let read = serde_saphyr::from_str_multiple_with_options(text, options);
    read.map_err(|error| ReadError(error.location().map(|location| (location.line(), location.column()))))
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Val, E> {
        Ok(Val::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Val, E> {
        Ok(Val::Num(Num::from_integral(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Val, E> {
        Ok(Val::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Val, E> {
        Ok(Val::text(value))
    }

    fn visit_unit<E>(self) -> Result<Val, E> {
        Ok(Val::Null)
    }

    fn visit_none<E>(self) -> Result<Val, E> {
        Ok(Val::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        Val::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Val, A::Error> {
        std::iter::from_fn(|| items.next_element().transpose()).collect()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Val, A::Error> {
        let mut object = Object::default();
        while let Some((key, value)) = entries.next_entry()? {
            object.insert(key_text(&key)?, value);
        }
        Ok(Val::object(object))
    }
}

/// JSON has texts for keys only; `1:` and `true:` become "1" and "true", as in Kubernetes.
fn key_text<E: Error>(key: &Val) -> Result<Rc<str>, E> {
    match key {
        Val::Str(_) | Val::Num(_) | Val::Bool(_) => Ok(key.to_text()),
        Val::Null | Val::Arr(_) | Val::Obj(_) => Err(E::custom("a key that is no text")),
    }
}

impl<'de> Deserialize<'de> for Val {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}
