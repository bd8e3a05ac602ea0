//! Documents as CEL sees them, and back. Integers are `int`, or `uint` beyond that; other numbers `double`. A number that
//! none of these holds is carried along as it is: it can be compared with itself and passed on, and nothing else.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt, Type,
};
use cel::common::value::{StaticVal, Val as CelVal};

use super::super::value::{Num, Object, Val, as_f64};

static NUMBER: Type = Type::new_unspecified_type("number");

/// A number that CEL has no type for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Verbatim(String);

impl CelVal for Verbatim {
    fn get_type(&self) -> &Type {
        <Self as CelVal>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &NUMBER
    }

    fn equals(&self, other: &dyn CelVal) -> bool {
        other.downcast_ref::<Self>() == Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn CelVal + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Verbatim {}

/// The document, which texts are borrowed from.
pub(super) fn to_cel<'v>(value: &'v Val) -> Box<dyn CelVal + 'v> {
    match value {
        Val::Null => Box::new(CelNull),
        Val::Bool(value) => Box::new(CelBool::from(*value)),
        Val::Num(number) => number_to_cel(number),
        Val::Str(text) => Box::new(CelString::from(&**text)),
        Val::Arr(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Val::Obj(entries) => {
            let entries = entries.iter().map(|(key, value)| (CelMapKey::from(&**key), to_cel(value)));
            Box::new(CelMap::from(entries.collect::<HashMap<_, _>>()))
        }
    }
}

fn number_to_cel<'v>(number: &Num) -> Box<dyn CelVal + 'v> {
    match number {
        Num::Int(int) => Box::new(CelInt::from(*int as i64)),
        Num::Float(float) => Box::new(CelDouble::from(*float)),
        Num::BigInt(big) => match u64::try_from(&**big) {
            Ok(unsigned) => Box::new(CelUInt::from(unsigned)),
            Err(_) => Box::new(Verbatim(big.to_string())),
        },
        Num::Dec(digits) => match as_f64(number) {
            float if float.is_finite() => Box::new(CelDouble::from(float)),
            _ => Box::new(Verbatim(digits.to_string())),
        },
    }
}

/// The value of a result; keys are sorted. The message of an error names a type.
pub(super) fn from_cel(value: &dyn CelVal) -> Result<Val, String> {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        Ok(Val::text(text.inner()))
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        object(map)
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().iter().map(|item| from_cel(&**item)).collect::<Result<_, _>>().map(Val::array)
    } else if let Some(int) = value.downcast_ref::<CelInt>() {
        Ok(Val::Num(Num::from_integral(*int.inner())))
    } else if let Some(unsigned) = value.downcast_ref::<CelUInt>() {
        Ok(Val::Num(Num::from_integral(*unsigned.inner())))
    } else if let Some(double) = value.downcast_ref::<CelDouble>() {
        Ok(Val::from(*double.inner()))
    } else if let Some(value) = value.downcast_ref::<CelBool>() {
        Ok(Val::Bool(*value.inner()))
    } else if value.downcast_ref::<CelNull>().is_some() {
        Ok(Val::Null)
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        // As CEL itself maps bytes to JSON.
        Ok(Val::from(base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes.inner())))
    } else if let Some(Verbatim(digits)) = value.downcast_ref::<Verbatim>() {
        Ok(Val::Num(Num::from_str_radix(digits, 10).unwrap_or_else(|| Num::Dec(Rc::new(digits.clone())))))
    } else {
        Err(format!("a result of type {} cannot be written", value.get_type().name()))
    }
}

fn object(map: &CelMap<'_>) -> Result<Val, String> {
    let mut sorted = BTreeMap::new();
    for (key, value) in map.inner() {
        let text = match key {
            CelMapKey::Bool(key) => key.inner().to_string(),
            CelMapKey::Int(key) => key.inner().to_string(),
            CelMapKey::UInt(key) => key.inner().to_string(),
            CelMapKey::String(key) => key.inner().to_owned(),
        };
        if sorted.insert(text, value).is_some() {
            return Err("a map of the result has two keys that are one in JSON".to_owned());
        }
    }
    let entries = sorted.into_iter().map(|(key, value)| Ok((key.into(), from_cel(&**value)?)));
    entries.collect::<Result<Object, String>>().map(Val::object)
}
