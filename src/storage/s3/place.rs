//! Where archives are in a bucket.
//!
//! As in a folder: `{prefix}/artifacts/{namespace}/{name}/{hex}.tar.gz`, and what is ours alone beside them, under a name
//! that no key can have. Nothing else in the bucket is touched.

use std::fmt;
use std::net::Ipv4Addr;

use super::settings::{BucketSettings, Endpoint};
use crate::storage::{ArtifactKey, Scope, key};

/// The folder of what is ours alone.
const PRIVATE: &str = ".flux-externalsource/";

/// Names of objects in a bucket.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub bucket: String,
    endpoint: Option<Endpoint>,
    region: String,
    path_style: bool,
    /// Ends in a slash unless it is empty.
    prefix: String,
}

impl Place {
    pub fn new(settings: &BucketSettings) -> Self {
        let prefix = if settings.prefix.is_empty() { String::new() } else { format!("{}/", settings.prefix) };
        Self {
            bucket: settings.bucket.clone(),
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
            path_style: settings.path_style,
            prefix,
        }
    }

    /// The object of an archive.
    pub fn object(&self, key: &ArtifactKey) -> String {
        format!("{}{key}", self.prefix)
    }

    /// What the objects of all archives in `scope` begin with.
    pub fn folder(&self, scope: Scope<'_>) -> String {
        match scope {
            Scope::All => format!("{}{}", self.prefix, key::ROOT),
            Scope::Source(source) => format!("{}{}", self.prefix, ArtifactKey::folder(source)),
        }
    }

    /// The key as the rest of us prints it.
    pub fn printed<'a>(&self, object: &'a str) -> Option<&'a str> {
        object.strip_prefix(&self.prefix)
    }

    /// The object that a printed key stands for.
    pub fn of_printed(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The object that says to whom all this belongs.
    pub fn marker(&self) -> String {
        format!("{}{PRIVATE}owner.json", self.prefix)
    }

    /// The address of an object for those who may read the bucket.
    pub fn url(&self, object: &str) -> String {
        let Self { bucket, region, .. } = self;
        let aws = || Endpoint { tls: true, authority: format!("s3.{region}.amazonaws.com") };
        let endpoint = self.endpoint.clone().unwrap_or_else(aws);
        // A certificate for all names below the server's covers no name with another dot in it, and addresses have none.
        let host = endpoint.authority.rsplit_once(':').map_or(&*endpoint.authority, |(host, _)| host);
        let has_subdomains = host.parse::<Ipv4Addr>().is_err() && !host.starts_with('[');
        // Prefixes and keys need no escapes.
        if self.path_style || !has_subdomains || (endpoint.tls && bucket.contains('.')) {
            format!("{endpoint}/{bucket}/{object}")
        } else {
            format!("{}://{bucket}.{}/{object}", endpoint.scheme(), endpoint.authority)
        }
    }

    /// Part of every signature.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The server, for people.
    pub fn server(&self) -> String {
        self.endpoint
            .as_ref()
            .map_or_else(|| format!("AWS S3 in {}", self.region), |endpoint| endpoint.authority.clone())
    }
}

/// For people: `bucket/prefix on server`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self.prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        write!(f, "{}{slash}{prefix} on {}", self.bucket, self.server())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(endpoint: Option<(bool, &str)>, bucket: &str, prefix: &str, path_style: bool) -> String {
        let endpoint = endpoint.map(|(tls, authority)| Endpoint { tls, authority: authority.into() });
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let place = Place { bucket: bucket.into(), endpoint, region: "eu-west-1".into(), path_style, prefix };
        let key = ArtifactKey::new(crate::api::ObjectName::new("a", "b"), crate::digest::Digest::of(b""));
        let url = place.url(&place.object(&key));
        url.strip_suffix(&format!("{key}")).unwrap().to_owned()
    }

    #[test]
    fn the_address_of_an_object_is_that_which_the_server_answers_to() {
        for (endpoint, bucket, prefix, path_style, expected) in [
            (None, "b", "", false, "https://b.s3.eu-west-1.amazonaws.com/"),
            (None, "b", "", true, "https://s3.eu-west-1.amazonaws.com/b/"),
            (None, "b.c", "", false, "https://s3.eu-west-1.amazonaws.com/b.c/"),
            (Some((true, "minio:9000")), "b", "", true, "https://minio:9000/b/"),
            (Some((false, "minio:9000")), "b", "x/y", false, "http://b.minio:9000/x/y/"),
            (Some((false, "10.0.0.1:9000")), "b", "x", false, "http://10.0.0.1:9000/b/x/"),
            (Some((true, "[fd00::1]")), "b", "", false, "https://[fd00::1]/b/"),
        ] {
            assert_eq!(url(endpoint, bucket, prefix, path_style), expected);
        }
    }
}
