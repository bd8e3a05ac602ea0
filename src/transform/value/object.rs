//! Objects. Their keys are kept apart from their values, and objects with the same keys in the same order share them:
//! the usual document is a long list of objects that look alike.

use std::collections::HashMap;
use std::rc::Rc;

use super::Val;

/// Up to here a key is looked for one by one.
const FEW: usize = 12;

type Index = HashMap<Rc<str>, usize>;

/// Keys in their order.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Keys {
    names: Vec<Rc<str>>,
    /// Where each stands, once there are many.
    index: Option<Index>,
}

impl Keys {
    /// Takes keys that differ from each other.
    pub fn new(names: Vec<Rc<str>>) -> Self {
        let mut keys = Self { names, index: None };
        keys.reindex();
        keys
    }

    pub fn names(&self) -> &[Rc<str>] {
        &self.names
    }

    fn reindex(&mut self) {
        let many = self.names.len() > FEW;
        self.index = many.then(|| self.names.iter().enumerate().map(|(at, name)| (Rc::clone(name), at)).collect());
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.names.iter().position(|name| **name == *key),
        }
    }

    fn push(&mut self, key: Rc<str>) {
        self.names.push(Rc::clone(&key));
        match &mut self.index {
            Some(index) => _ = index.insert(key, self.names.len() - 1),
            None if self.names.len() > FEW => self.reindex(),
            None => {}
        }
    }
}

/// An object; keeps the order in which keys were added.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Object {
    keys: Rc<Keys>,
    values: Vec<Val>,
}

impl Object {
    /// Puts keys and as many values together.
    pub fn new(keys: Rc<Keys>, values: Vec<Val>) -> Self {
        debug_assert_eq!(keys.names.len(), values.len(), "every key has a value");
        Self { keys, values }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Where a key stands, from 0.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.keys.position(key)
    }

    pub fn get(&self, key: &str) -> Option<&Val> {
        self.values.get(self.position(key)?)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Val> {
        let at = self.position(key)?;
        self.values.get_mut(at)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Adds an entry at the end, or changes the one that is there.
    pub fn insert(&mut self, key: Rc<str>, value: Val) {
        if let Some(known) = self.get_mut(&key) {
            *known = value;
        } else {
            Rc::make_mut(&mut self.keys).push(key);
            self.values.push(value);
        }
    }

    /// Takes entries out; the rest keeps its order.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let keeps: Vec<bool> = self.keys.names.iter().map(|name| keep(name)).collect();
        if keeps.iter().all(|keep| *keep) {
            return;
        }
        let kept = |at: &mut usize| {
            *at += 1;
            keeps[*at - 1]
        };
        let (mut key, mut value) = (0, 0);
        let keys = Rc::make_mut(&mut self.keys);
        keys.names.retain(|_| kept(&mut key));
        keys.reindex();
        self.values.retain(|_| kept(&mut value));
    }

    /// Takes one entry out.
    pub fn remove(&mut self, key: &str) {
        if self.contains_key(key) {
            self.retain(|name| name != key);
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &Rc<str>> {
        self.keys.names.iter()
    }

    pub fn into_values(self) -> std::vec::IntoIter<Val> {
        self.values.into_iter()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &Val)> {
        self.keys.names.iter().zip(&self.values)
    }

    /// The object with the same keys and other values; `None` from `change` takes an entry out.
    pub fn map<E>(mut self, mut change: impl FnMut(Val) -> Result<Option<Val>, E>) -> Result<Self, E> {
        let mut gone = Vec::new();
        for (at, value) in self.values.iter_mut().enumerate() {
            match change(std::mem::take(value))? {
                Some(new) => *value = new,
                None => gone.push(at),
            }
        }
        if !gone.is_empty() {
            let (mut at, mut gone) = (0, gone.into_iter().peekable());
            self.retain(|_| {
                at += 1;
                gone.next_if_eq(&(at - 1)).is_none()
            });
        }
        Ok(self)
    }
}

impl IntoIterator for Object {
    type Item = (Rc<str>, Val);
    type IntoIter = std::iter::Zip<std::vec::IntoIter<Rc<str>>, std::vec::IntoIter<Val>>;

    fn into_iter(self) -> Self::IntoIter {
        let keys = Rc::try_unwrap(self.keys).map_or_else(|shared| shared.names.clone(), |keys| keys.names);
        keys.into_iter().zip(self.values)
    }
}

impl Extend<(Rc<str>, Val)> for Object {
    fn extend<T: IntoIterator<Item = (Rc<str>, Val)>>(&mut self, entries: T) {
        entries.into_iter().for_each(|(key, value)| self.insert(key, value));
    }
}

impl FromIterator<(Rc<str>, Val)> for Object {
    fn from_iter<T: IntoIterator<Item = (Rc<str>, Val)>>(entries: T) -> Self {
        let mut object = Self::default();
        object.extend(entries);
        object
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        if Rc::ptr_eq(&self.keys, &other.keys) {
            return self.values == other.values;
        }
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}
