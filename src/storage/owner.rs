//! To whom a storage belongs. A storage carries a marker with its owner, so that no installation writes to, or cleans up
//! after, another one that was pointed at the same place by mistake.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An installation of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// What tells its cluster from others (the uid of the namespace `kube-system`); `None` when it could not be found
    /// out, which then speaks neither for nor against anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The namespace that it runs in.
    pub namespace: String,
    /// Its name among the installations of the namespace.
    pub release: String,
}

/// What a marker means for an installation that wants to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// The storage is its own.
    Held,
    /// The storage may become its own, or its marker can say more: it has to be written.
    Open,
    /// The storage is somebody else's.
    Foreign,
}

impl Owner {
    /// What the marker `found` means for `self`; `take_over` is the [`id`](Self::id) of an owner whose place it takes.
    pub(super) fn claim(&self, found: Option<&Self>, take_over: Option<&str>) -> Claim {
        match found {
            None => Claim::Open,
            Some(found) if self.may_be(found) => {
                let tells_more = found.cluster.is_none() && self.cluster.is_some();
                if tells_more { Claim::Open } else { Claim::Held }
            }
            Some(found) if take_over == Some(&*found.id()) => Claim::Open,
            Some(_) => Claim::Foreign,
        }
    }

    fn may_be(&self, other: &Self) -> bool {
        let same_cluster = match (&self.cluster, &other.cluster) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        };
        same_cluster && self.namespace == other.namespace && self.release == other.release
    }

    /// `cluster/namespace/release`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.cluster.as_deref().unwrap_or_default(), self.namespace, self.release)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "release {:?} in namespace {:?} of ", self.release, self.namespace)?;
        match &self.cluster {
            Some(cluster) => write!(f, "cluster {cluster}"),
            None => f.write_str("an unknown cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(cluster: Option<&str>, namespace: &str, release: &str) -> Owner {
        Owner { cluster: cluster.map(str::to_owned), namespace: namespace.into(), release: release.into() }
    }

    #[test]
    fn a_storage_is_held_open_or_foreign() {
        let us = owner(Some("c1"), "flux-system", "main");
        for (found, claim) in [
            (None, Claim::Open),
            (Some(us.clone()), Claim::Held),
            (Some(owner(None, "flux-system", "main")), Claim::Open),
            (Some(owner(Some("c2"), "flux-system", "main")), Claim::Foreign),
            (Some(owner(Some("c1"), "team-a", "main")), Claim::Foreign),
            (Some(owner(Some("c1"), "flux-system", "other")), Claim::Foreign),
            (Some(owner(None, "flux-system", "other")), Claim::Foreign),
        ] {
            assert_eq!(us.claim(found.as_ref(), None), claim, "{found:?}");
        }
        let unknown = owner(None, "flux-system", "main");
        assert_eq!(unknown.claim(Some(&us), None), Claim::Held, "what is known is not forgotten");
    }

    #[test]
    fn only_the_owner_that_is_named_is_taken_over() {
        let us = owner(Some("c1"), "flux-system", "main");
        let found = owner(Some("c0"), "flux-system", "main");
        assert_eq!(us.claim(Some(&found), Some("c0/flux-system/main")), Claim::Open);
        assert_eq!(us.claim(Some(&found), Some("c2/flux-system/main")), Claim::Foreign);
        assert_eq!(us.claim(Some(&us), Some("c0/flux-system/main")), Claim::Held, "it may stay set");
    }
}
