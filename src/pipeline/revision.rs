//! The name of one state of the content, in the only form that objects hold: `latest@sha256:<hex>`.

use std::fmt;
use std::str::FromStr;

use crate::digest::{Digest, InvalidDigest};

/// What stands before the digest: data behind an API has no branches or tags, only its latest state.
const NAME: &str = "latest";

/// The SHA-256 of an uncompressed tar: changes when the content does, and only then. `Display` prints the form of Flux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub Digest);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}@{}", self.0.prefixed())
    }
}

impl FromStr for Revision {
    type Err = InvalidDigest;

    /// Takes any name before the digest, and none: only the digest is compared.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.rsplit('@').next().unwrap_or_default().parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_survives_printing_and_parsing() {
        let revision = Revision(Digest::of(b"x"));
        assert_eq!(revision.to_string(), format!("latest@sha256:{}", revision.0));
        for text in [revision.to_string(), revision.0.prefixed(), format!("main@{}", revision.0)] {
            assert_eq!(text.parse(), Ok(revision), "{text}");
        }
        assert_eq!("latest@sha256:12".parse::<Revision>(), Err(InvalidDigest));
    }
}
