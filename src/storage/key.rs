//! The one place that knows how stored artifacts are named.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// `artifacts/{namespace}/{name}/{hex}.tar.gz`, where hex is the SHA-256 of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactKey {
    namespace: String,
    name: String,
    digest: Digest,
}

/// The text is no artifact key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an artifact key: expected artifacts/<namespace>/<name>/<sha256>.tar.gz")]
pub struct InvalidKey;

impl ArtifactKey {
    /// Key of an archive with this digest, produced by the object of this name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, digest: Digest) -> Self {
        Self { namespace: namespace.into(), name: name.into(), digest }
    }

    /// Namespace of the object that produced the archive.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Name of the object that produced the archive.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the archive.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "artifacts/{}/{}/{}.tar.gz", self.namespace, self.name, self.digest)
    }
}

impl FromStr for ArtifactKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.strip_prefix("artifacts/").ok_or(InvalidKey)?.split('/');
        let (Some(namespace), Some(name), Some(file), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidKey);
        };
        let hex = file.strip_suffix(".tar.gz").ok_or(InvalidKey)?;
        let plain = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        if hex.len() != 64 || !plain(namespace) || !plain(name) {
            return Err(InvalidKey);
        }
        Ok(Self::new(namespace, name, hex.parse().map_err(|_| InvalidKey)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_printing_and_parsing() {
        let key = ArtifactKey::new("team-a", "config.v1", Digest::of(b"x"));
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn refuses_paths_that_are_no_keys() {
        let hex = Digest::of(b"x").to_string();
        for text in [
            String::new(),
            format!("artifacts/a/{hex}.tar.gz"),
            format!("artifacts/a/b/c/{hex}.tar.gz"),
            format!("artifacts/../b/{hex}.tar.gz"),
            format!("artifacts//b/{hex}.tar.gz"),
            format!("artifacts/a/b/sha256:{hex}.tar.gz"),
            format!("artifacts/a/b/{hex}.zip"),
            format!("artifacts/a/b%2f/{hex}.tar.gz"),
            format!("/artifacts/a/b/{hex}.tar.gz"),
        ] {
            assert_eq!(text.parse::<ArtifactKey>(), Err(InvalidKey), "{text}");
        }
    }
}
