//! Makes comprehensions over maps walk over the keys in order: `m.map(k, ...)` becomes `@ordered(m).map(k, ...)`, where
//! a name with an `@` is one that no expression can spell.

use cel::common::ast::{CallExpr, EntryExpr, Expr};
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelUInt, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};

const ORDERED: &str = "@ordered";

/// Declares the function that [`order`] puts in.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload(ORDERED, ORDERED, vec![DYN_TYPE], ordered)
}

fn ordered<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let range = arguments.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let Some(map) = range.as_ref().downcast_ref::<CelMap<'_>>() else { return Ok(range) };
    let mut keys: Vec<_> = map.inner().keys().cloned().collect();
    keys.sort_unstable();
    Ok(CowVal::owned(CelList::from(keys.into_iter().map(boxed).collect::<Vec<_>>())))
}

fn boxed<'v>(key: CelMapKey<'v>) -> Box<dyn Val + 'v> {
    match key {
        CelMapKey::Bool(key) => Box::<CelBool>::new(key),
        CelMapKey::Int(key) => Box::<CelInt>::new(key),
        CelMapKey::UInt(key) => Box::<CelUInt>::new(key),
        CelMapKey::String(key) => Box::new(key),
    }
}

/// Puts the function around what every comprehension walks over.
pub(super) fn order(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args).for_each(order),
        Expr::List(list) => list.elements.iter_mut().for_each(order),
        Expr::Select(select) => order(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| order_entry(&mut entry.expr)),
        Expr::Struct(object) => object.entries.iter_mut().for_each(|entry| order_entry(&mut entry.expr)),
        Expr::Comprehension(comprehension) => {
            order(&mut comprehension.iter_range);
            let range = std::mem::take(&mut comprehension.iter_range);
            let call = CallExpr { func_name: ORDERED.to_owned(), target: None, args: vec![range] };
            comprehension.iter_range.expr = Expr::Call(call);
            order(&mut comprehension.accu_init);
            order(&mut comprehension.loop_cond);
            order(&mut comprehension.loop_step);
            order(&mut comprehension.result);
        }
    }
}

fn order_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => order(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            order(&mut entry.key);
            order(&mut entry.value);
        }
    }
}
