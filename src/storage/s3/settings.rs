//! Settings of the S3 backend.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::storage::Owner;

/// Settings of the S3 backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// Where the bucket is and how it is reached.
    pub bucket: BucketSettings,
    /// How consumers get at archives.
    pub serve: Serve,
    /// What comes before the key in every URL of [`Serve::Controller`] and [`Serve::Redirect`], without a trailing slash.
    pub base_url: String,
    /// Who we are.
    pub owner: Owner,
    /// The [`Owner::id`] of the owner whose place we take.
    pub take_over: Option<String>,
}

/// A bucket, or what is below a prefix of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// The server; `None` for AWS's own in [`region`](Self::region).
    pub endpoint: Option<Endpoint>,
    /// The bucket's name.
    pub bucket: String,
    /// What every key begins with, without slashes at its ends; empty for none.
    pub prefix: String,
    /// Part of every signature.
    pub region: String,
    /// Whether the bucket is named in the path rather than in the host name.
    pub path_style: bool,
    /// The keys to sign with; without, those of the environment: web identity, container, instance, profile.
    pub keys: Option<Keys>,
    /// Certificates (PEM) to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Encryption at rest.
    pub encryption: Encryption,
    /// Limit for a connection to be established.
    pub connect_timeout: Duration,
    /// Limit for an answer, and for each wait for more of it. An upload gets more by its size.
    pub timeout: Duration,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Size of the parts of an upload; what is not larger is uploaded at once.
    pub part_size: u64,
}

/// A server other than AWS's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Host, and port if it is not the scheme's.
    pub authority: String,
}

impl Endpoint {
    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority)
    }
}

/// Keys to sign with. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key's id.
    pub id: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// Encryption at rest, as the server is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// What the bucket does by default.
    BucketDefault,
    /// With keys that the server keeps (SSE-S3).
    Server,
    /// With a key of a key management service (SSE-KMS); the bucket's default key if none is named.
    Kms(Option<String>),
}

/// How consumers get at archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serve {
    /// Through the artifact server: the bucket is private.
    Controller,
    /// The artifact server sends them to a URL of the bucket that is signed for this long: the bucket is private, and
    /// its bytes do not pass the controller.
    Redirect(Duration),
    /// Straight from the bucket, which lets everybody read.
    Direct,
}
