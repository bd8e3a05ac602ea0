//! What a watch has told so far: finds out what a new list no longer holds, and what it only repeats.

use std::collections::HashMap;

use crate::api::ObjectName;

/// One object, as far as it must be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    uid: String,
    resource_version: String,
}

/// What a sighting means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// It was told like this already.
    Known,
    /// It is new, or differs from what was told.
    Changed,
    /// Another object has the name now; the one with this uid is gone.
    Replaced {
        /// Uid of the one that is gone.
        uid: String,
    },
}

/// The objects that were told, by name.
#[derive(Debug, Default)]
pub(super) struct Seen {
    told: HashMap<ObjectName, Version>,
    /// What the list under way has not mentioned yet; `None` between lists.
    unmentioned: Option<HashMap<ObjectName, Version>>,
}

impl Seen {
    /// A list begins. One that was cut off counts for nothing: its objects have yet to be mentioned again.
    pub(super) fn begin_list(&mut self) {
        self.unmentioned = Some(self.told.clone());
    }

    /// The list is complete: what it did not mention is gone.
    pub(super) fn end_list(&mut self) -> Vec<(ObjectName, String)> {
        let gone: Vec<_> = self.unmentioned.take().unwrap_or_default().into_iter().collect();
        for (name, _) in &gone {
            self.told.remove(name);
        }
        gone.into_iter().map(|(name, version)| (name, version.uid)).collect()
    }

    /// The object was seen.
    pub(super) fn see(&mut self, name: &ObjectName, uid: &str, resource_version: &str) -> Sighting {
        if let Some(unmentioned) = &mut self.unmentioned {
            unmentioned.remove(name);
        }
        let now = Version { uid: uid.to_owned(), resource_version: resource_version.to_owned() };
        match self.told.insert(name.clone(), now.clone()) {
            Some(before) if before == now => Sighting::Known,
            Some(before) if before.uid != now.uid => Sighting::Replaced { uid: before.uid },
            _ => Sighting::Changed,
        }
    }

    /// The object was deleted. Whether that is news: the name may have a new object by now.
    pub(super) fn delete(&mut self, name: &ObjectName, uid: &str) -> bool {
        let is_told = self.told.get(name).is_some_and(|version| version.uid == uid);
        if is_told {
            self.told.remove(name);
        }
        is_told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("ns", name)
    }

    #[test]
    fn a_list_tells_what_is_new_changed_replaced_and_gone() {
        let mut seen = Seen::default();
        seen.begin_list();
        for object in ["same", "changed", "replaced", "gone"] {
            assert_eq!(seen.see(&name(object), "u1", "1"), Sighting::Changed);
        }
        assert_eq!(seen.end_list(), []);

        seen.begin_list();
        assert_eq!(seen.see(&name("same"), "u1", "1"), Sighting::Known);
        assert_eq!(seen.see(&name("changed"), "u1", "2"), Sighting::Changed);
        assert_eq!(seen.see(&name("replaced"), "u2", "3"), Sighting::Replaced { uid: "u1".into() });
        assert_eq!(seen.see(&name("new"), "u3", "4"), Sighting::Changed);
        assert_eq!(seen.end_list(), [(name("gone"), "u1".to_owned())]);
    }

    #[test]
    fn a_list_that_was_cut_off_makes_nothing_disappear() {
        let mut seen = Seen::default();
        seen.see(&name("a"), "u1", "1");
        seen.see(&name("b"), "u1", "1");
        seen.begin_list();
        seen.see(&name("a"), "u1", "1");
        seen.begin_list();
        seen.see(&name("b"), "u1", "1");
        assert_eq!(seen.end_list(), [(name("a"), "u1".to_owned())]);
    }

    #[test]
    fn only_the_object_that_was_told_can_be_deleted() {
        let mut seen = Seen::default();
        seen.see(&name("a"), "new", "2");
        assert!(!seen.delete(&name("a"), "old"));
        assert!(seen.delete(&name("a"), "new"));
        assert!(!seen.delete(&name("a"), "new"));
    }
}
