//! The one place that knows how stored artifacts are named.

use std::fmt;
use std::str::FromStr;

use crate::api::ObjectName;
use crate::digest::Digest;

/// What every key begins with.
pub(super) const ROOT: &str = "artifacts/";

/// `artifacts/{namespace}/{name}/{hex}.tar.gz`, where hex is the SHA-256 of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactKey {
    source: ObjectName,
    digest: Digest,
}

/// The text is no artifact key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an artifact key: expected artifacts/<namespace>/<name>/<sha256>.tar.gz")]
pub struct InvalidKey;

impl ArtifactKey {
    /// Key of an archive with this digest, produced by the object of this name.
    pub fn new(source: ObjectName, digest: Digest) -> Self {
        Self { source, digest }
    }

    /// The key of this file in the folder of an object; fails when the names are no names, or the file no archive.
    pub fn parse(namespace: &str, name: &str, file: &str) -> Result<Self, InvalidKey> {
        let hex = file.strip_suffix(".tar.gz").ok_or(InvalidKey)?;
        if hex.len() != 64 {
            return Err(InvalidKey);
        }
        let digest = hex.parse().map_err(|_| InvalidKey)?;
        Ok(Self { source: Self::checked(namespace, name)?, digest })
    }

    /// The name of an object that may have archives; fails when it would be more than one folder in a path.
    pub fn checked(namespace: &str, name: &str) -> Result<ObjectName, InvalidKey> {
        let plain = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        };
        if plain(namespace) && plain(name) { Ok(ObjectName::new(namespace, name)) } else { Err(InvalidKey) }
    }

    /// What the keys of all archives of this object begin with.
    pub fn folder(source: &ObjectName) -> String {
        format!("{ROOT}{source}/")
    }

    /// The object that produced the archive.
    pub fn source(&self) -> &ObjectName {
        &self.source
    }

    /// SHA-256 of the archive.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ROOT}{}/{}.tar.gz", self.source, self.digest)
    }
}

impl FromStr for ArtifactKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.strip_prefix(ROOT).ok_or(InvalidKey)?.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(namespace), Some(name), Some(file), None) => Self::parse(namespace, name, file),
            _ => Err(InvalidKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_printing_and_parsing() {
        let key = ArtifactKey::new(ObjectName::new("team-a", "config.v1"), Digest::of(b"x"));
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
