//! Where data comes from: one folder per type of generator, found in the [`Registry`] by the value of
//! `spec.generator.type`. Adding a type is one folder and one line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::api::external_source::GeneratorSpec;
use crate::failure::Failure;
use crate::spool::{Spool, Spools};

pub mod http;

/// Data of the Secrets that a generator asked for, by Secret name.
pub type Secrets = BTreeMap<String, Arc<Secret>>;

/// One Secret as it was read for one run. `Debug` shows no value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// Changes whenever the data does; safe to store (it is not derived from the data in a cluster).
    pub version: String,
    /// The decoded values by key.
    pub data: BTreeMap<String, Vec<u8>>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<_> = self.data.keys().collect();
        f.debug_struct("Secret").field("version", &self.version).field("keys", &keys).finish()
    }
}

/// The origin's names for a version of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, as it came.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it came.
    pub last_modified: Option<String>,
}

/// How far a download is; written by the generator, read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    received: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Announces the whole size in bytes.
    pub fn expect(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts `bytes` more.
    pub fn advance(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes received, and the whole size where it is known.
    pub fn get(&self) -> (u64, Option<u64>) {
        let total = self.total.load(Ordering::Relaxed);
        (self.received.load(Ordering::Relaxed), (total > 0).then_some(total))
    }
}

/// One question to an origin.
pub struct Request<'a> {
    /// What the user wrote.
    pub spec: &'a GeneratorSpec,
    /// The Secrets that [`Generator::secrets`] named.
    pub secrets: &'a Secrets,
    /// What the preRequest hooks made, if the request is made from it.
    pub pre_request: Option<&'a Spool>,
    /// Validators of what is advertised and still stored; only then may the answer be "not modified".
    pub validators: Option<&'a Validators>,
    /// Whether somebody will look at the answer's status and headers.
    pub keep_head: bool,
    /// Where the body goes.
    pub spools: &'a Spools,
    /// Told how far the download is.
    pub progress: &'a Progress,
}

/// What the origin said.
#[derive(Debug)]
pub enum Answer {
    /// What is advertised is still current.
    NotModified,
    /// New content, complete.
    Content(Content),
}

/// A complete body with what its origin said about it.
#[derive(Debug, Clone)]
pub struct Content {
    /// The decoded body.
    pub body: Spool,
    /// The origin's names for this version.
    pub validators: Validators,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// Status and headers, if they were asked for; may hold secrets.
    pub head: Option<Arc<Head>>,
}

/// Status and headers of an answer. `Debug` shows the status alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Values by lower-case name; of several of one name, joined by ", ".
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A type of origin. Implementations are shared by all sources and hold no state of one.
#[async_trait]
pub trait Generator: Send + Sync + 'static {
    /// The value of `spec.generator.type`.
    fn kind(&self) -> &'static str;

    /// Checks what the schema cannot see; the failure names the field.
    fn validate(&self, spec: &GeneratorSpec) -> Result<(), Failure>;

    /// Names of the Secrets that a run needs, in the object's own namespace.
    fn secrets(&self, spec: &GeneratorSpec) -> Vec<String>;

    /// Whether the request is made from what the preRequest hooks wrote, if there are any.
    fn takes_pre_request(&self, spec: &GeneratorSpec) -> bool;

    /// A hash of everything else that shapes the request. Validators count only for the same fingerprint. Contains no
    /// secret and cannot be turned back into one (Secret versions go in, values do not).
    fn fingerprint(&self, spec: &GeneratorSpec, secrets: &Secrets) -> String;

    /// The origin for people: without userinfo, query or fragment.
    fn origin(&self, spec: &GeneratorSpec) -> String;

    /// The file's name in the archive when the user names none.
    fn file_name(&self, spec: &GeneratorSpec) -> String;

    /// Whether a request can be answered with "not modified".
    fn is_conditional(&self, spec: &GeneratorSpec) -> bool;

    /// Asks the origin once. The caller retries; the implementation never does.
    async fn generate(&self, request: Request<'_>) -> Result<Answer, Failure>;
}

/// The generators by the value of `spec.generator.type`.
#[derive(Clone, Default)]
pub struct Registry {
    generators: BTreeMap<&'static str, Arc<dyn Generator>>,
}

impl Registry {
    /// A registry of these generators.
    pub fn new(generators: impl IntoIterator<Item = Arc<dyn Generator>>) -> Self {
        Self { generators: generators.into_iter().map(|generator| (generator.kind(), generator)).collect() }
    }

    /// The generator of this type.
    pub fn get(&self, kind: &str) -> Option<&Arc<dyn Generator>> {
        self.generators.get(kind)
    }

    /// All types, sorted, for messages.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.generators.keys().copied()
    }
}
