//! How values compare: null, false, true, numbers, strings, arrays, objects, as in jq.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Object, Val};

fn rank(value: &Val) -> u8 {
    match value {
        Val::Null => 0,
        Val::Bool(false) => 1,
        Val::Bool(true) => 2,
        Val::Num(_) => 3,
        Val::Str(_) => 4,
        Val::Arr(_) => 5,
        Val::Obj(_) => 6,
    }
}

/// First the sets of keys, then the values key by key.
fn objects(left: &Object, right: &Object) -> Ordering {
    let sorted = |object: &Object| {
        let mut keys: Vec<_> = object.keys().cloned().collect();
        keys.sort_unstable();
        keys
    };
    let keys = sorted(left);
    keys.cmp(&sorted(right)).then_with(|| {
        let unequal = |key: &Rc<str>| Some(left.get(key)?.cmp(right.get(key)?)).filter(|order| order.is_ne());
        keys.iter().find_map(unequal).unwrap_or(Ordering::Equal)
    })
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Num(left), Self::Num(right)) => left.cmp(right),
            (Self::Str(left), Self::Str(right)) => left.cmp(right),
            (Self::Arr(left), Self::Arr(right)) => left.cmp(right),
            (Self::Obj(left), Self::Obj(right)) => objects(left, right),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Num(left), Self::Num(right)) => left == right,
            (Self::Str(left), Self::Str(right)) => left == right,
            (Self::Arr(left), Self::Arr(right)) => left == right,
            (Self::Obj(left), Self::Obj(right)) => left == right,
            _ => rank(self) == rank(other),
        }
    }
}

impl Eq for Val {}
