//! Names of objects, as map keys.

use std::fmt;
use std::sync::Arc;

use kube::ResourceExt as _;

/// Namespace and name of an ExternalSource; its ExternalArtifact has the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name within the namespace.
    pub name: Arc<str>,
}

impl ObjectName {
    /// A name from its parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The name of `object`.
    pub fn of<K: kube::Resource>(object: &K) -> Self {
        Self { namespace: object.namespace().unwrap_or_default().into(), name: object.name_any().into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether `text` is a DNS label (RFC 1123), as namespaces and Services are named.
pub fn is_dns_label(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().zip(bytes.last()).is_some_and(|(&first, &last)| plain(first) && plain(last));
    ends && bytes.len() <= 63 && bytes.iter().all(|&b| plain(b) || b == b'-')
}

/// Whether `text` is a DNS subdomain (RFC 1123), as most objects are named.
pub fn is_dns_subdomain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = |part: &[u8]| part.first().zip(part.last()).is_some_and(|(&first, &last)| plain(first) && plain(last));
    let fits = |part: &[u8]| ends(part) && part.iter().all(|&b| plain(b) || b == b'-');
    text.len() <= 253 && text.split('.').all(|part| fits(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{is_dns_label, is_dns_subdomain};

    #[test]
    fn names_follow_the_api_servers_rules() {
        for name in ["a", "a-b", "a.b", "0", "a1.b-2.c"] {
            assert!(is_dns_subdomain(name), "{name}");
        }
        for name in ["", "A", "-a", "a-", ".a", "a.", "a..b", "a_b", "é", &"a".repeat(254)] {
            assert!(!is_dns_subdomain(name), "{name}");
        }
        assert!(is_dns_label(&"a".repeat(63)) && !is_dns_label(&"a".repeat(64)) && !is_dns_label("a.b"));
    }
}
