//! `delpaths`, on which `del` is built: all paths mean the value as it was, and the order of what stays is kept.

use std::collections::HashSet;
use std::rc::Rc;

use jaq_core::{Error, ValR};

use super::super::value::{Val, bounds, position};

/// Deletes everything at the paths.
pub(super) fn delete_paths(value: Val, paths: Val) -> ValR<Val> {
    let Val::Arr(mut paths) = paths else { return Err(Error::typ(paths, "array")) };
    if let Val::Obj(mut entries) = value {
        // All at once: one by one, each would move everything behind it.
        let Some(gone) = keys(&paths) else { return delete_one_by_one(Val::Obj(entries), &mut paths) };
        Rc::make_mut(&mut entries).retain(|key| !gone.contains(key));
        return Ok(Val::Obj(entries));
    }
    delete_one_by_one(value, &mut paths)
}

/// The keys, when all paths are one key long.
fn keys(paths: &[Val]) -> Option<HashSet<Rc<str>>> {
    let key = |path: &Val| match path {
        Val::Arr(path) => match &path[..] {
            [Val::Str(key)] => Some(Rc::clone(key)),
            _ => None,
        },
        _ => None,
    };
    paths.iter().map(key).collect()
}

fn delete_one_by_one(value: Val, paths: &mut Rc<Vec<Val>>) -> ValR<Val> {
    // From the back, so that no deletion moves what is still to be deleted.
    Rc::make_mut(paths).sort_unstable_by(|left, right| right.cmp(left));
    paths.iter().try_fold(value, |value, path| match path {
        Val::Arr(path) => delete(value, path),
        other => Err(Error::typ(other.clone(), "array")),
    })
}

fn delete(value: Val, path: &[Val]) -> ValR<Val> {
    let Some((key, rest)) = path.split_first() else { return Ok(Val::Null) };
    match (value, key) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Obj(mut entries), Val::Str(key)) => {
            let object = Rc::make_mut(&mut entries);
            if rest.is_empty() {
                object.remove(key);
            } else if let Some(child) = object.get_mut(key) {
                *child = delete(std::mem::take(child), rest)?;
            }
            Ok(Val::Obj(entries))
        }
        (Val::Arr(mut items), Val::Num(at)) => {
            if let Some(at) = position(at, items.len()).filter(|at| *at < items.len()) {
                let array = Rc::make_mut(&mut items);
                if rest.is_empty() {
                    array.remove(at);
                } else {
                    array[at] = delete(std::mem::take(&mut array[at]), rest)?;
                }
            }
            Ok(Val::Arr(items))
        }
        (Val::Arr(mut items), Val::Obj(range)) => {
            let (start, end) = bounds(&(range.get("start")..range.get("end")), items.len())?;
            let array = Rc::make_mut(&mut items);
            let part = Val::array(array.drain(start..end).collect());
            if !rest.is_empty() {
                let Val::Arr(changed) = delete(part, rest)? else { return Ok(Val::Arr(items)) };
                array.splice(start..start, changed.iter().cloned());
            }
            Ok(Val::Arr(items))
        }
        (value, key) => Err(Error::index(value, key.clone())),
    }
}
