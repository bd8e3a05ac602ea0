//! Which archives the `ExternalArtifact`s name, whosever they are: these are never superfluous.

use std::collections::HashMap;

use crate::api::{ExternalArtifact, ObjectName};
use crate::catalog::named_keys;
use crate::storage::ArtifactKey;

/// The archives, by the source that each is named after, with the ExternalArtifact that names it.
#[derive(Debug, Default)]
pub(super) struct Named {
    by_source: HashMap<ObjectName, Vec<(ObjectName, ArtifactKey)>>,
}

impl Named {
    /// `artifact` is what `after` says, and was what `before` says.
    pub(super) fn update(
        &mut self,
        artifact: &ObjectName,
        before: Option<&ExternalArtifact>,
        after: Option<&ExternalArtifact>,
    ) {
        for key in before.map(named_keys).unwrap_or_default() {
            let Some(names) = self.by_source.get_mut(key.source()) else { continue };
            names.retain(|(by, _)| by != artifact);
            if names.is_empty() {
                self.by_source.remove(key.source());
            }
        }
        for key in after.map(named_keys).unwrap_or_default() {
            self.by_source.entry(key.source().clone()).or_default().push((artifact.clone(), key));
        }
    }

    /// The archives named after this source that some ExternalArtifact names.
    pub(super) fn of(&self, source: &ObjectName) -> Vec<ArtifactKey> {
        let names = self.by_source.get(source).map(Vec::as_slice).unwrap_or_default();
        names.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Whether some ExternalArtifact names this archive.
    pub(super) fn holds(&self, key: &ArtifactKey) -> bool {
        self.by_source.get(key.source()).is_some_and(|names| names.iter().any(|(_, named)| named == key))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.by_source.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Digest;

    fn key(source: &str, content: &str) -> ArtifactKey {
        ArtifactKey::new(ObjectName::new("team-a", source), Digest::of(content.as_bytes()))
    }

    fn naming(path: &ArtifactKey, url: &ArtifactKey) -> ExternalArtifact {
        let status = json!({"artifact": {"path": path.to_string(), "url": format!("http://here/{url}")}});
        serde_json::from_value(json!({"metadata": {"name": "x"}, "spec": {}, "status": status})).unwrap()
    }

    #[test]
    fn an_archive_is_named_until_the_last_one_stops_naming_it() {
        let (one, other) = (key("a", "1"), key("b", "2"));
        let (first, second) = (ObjectName::new("team-a", "a"), ObjectName::new("team-b", "copy"));
        let (both, single) = (naming(&one, &other), naming(&one, &one));
        let mut named = Named::default();
        named.update(&first, None, Some(&both));
        named.update(&second, None, Some(&single));
        assert!(named.holds(&one) && named.holds(&other) && !named.holds(&key("a", "2")));
        named.update(&first, Some(&both), None);
        assert!(named.holds(&one) && !named.holds(&other));
        assert_eq!(named.of(one.source()), std::slice::from_ref(&one));
        let moved = naming(&key("a", "3"), &key("a", "3"));
        named.update(&second, Some(&single), Some(&moved));
        assert!(!named.holds(&one) && named.holds(&key("a", "3")));
        named.update(&second, Some(&moved), None);
        assert!(named.by_source.is_empty());
    }
}
