//! The headers of answers. Written by hand where a request would otherwise pay for formatting: they are a good part of
//! what it costs to answer one (docs/performance.md).

use std::time::SystemTime;

use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::conditional::{self, Validators};
use crate::storage::{ArtifactKey, StoredArtifact};

/// Headers of an answer about an archive, at most.
const HEADERS: usize = 12;

/// What a path stands for.
pub(super) struct Target {
    pub(super) key: ArtifactKey,
    /// Whether the path will never stand for anything else.
    pub(super) immutable: bool,
}

impl Target {
    /// The entity tag is the digest as the ExternalArtifact writes it, so that people can compare the two.
    pub(super) fn validators(&self, stored: &StoredArtifact) -> Validators {
        let hex = stored.key.digest().hex();
        let mut etag = String::with_capacity(hex.as_str().len() + 9);
        etag.extend(["\"sha256:", hex.as_str(), "\""]);
        Validators { etag, modified: self.modified(stored) }
    }

    /// What stands for the latest revision may turn to an older one again, so no time tells its states apart.
    fn modified(&self, stored: &StoredArtifact) -> Option<SystemTime> {
        self.immutable.then(|| conditional::representable(stored.stored_at))?
    }

    /// What every answer about a stored archive says.
    pub(super) fn head(&self, status: StatusCode, validators: Validators) -> HeaderMap {
        // Private: an archive may hold what a credential gave access to, which no shared cache should keep.
        let cache = match (self.immutable, status.is_client_error()) {
            // What is said of one request holds for no other (RFC 9111 section 3).
            (_, true) => "no-store",
            (true, false) => "private, max-age=31536000, immutable",
            (false, false) => "private, no-cache",
        };
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(&mut headers, ETAG, validators.etag);
        if let Some(modified) = validators.modified {
            insert(&mut headers, LAST_MODIFIED, httpdate::fmt_http_date(modified));
        }
        headers
    }

    /// What every answer with content says.
    pub(super) fn content_head(&self, status: StatusCode, stored: &StoredArtifact, length: u64) -> HeaderMap {
        let mut headers = self.head(status, self.validators(stored));
        let (hex, name) = (stored.key.digest().hex(), &stored.key.source().name);
        let mut disposition = String::with_capacity(name.len() + 48);
        disposition.extend(["attachment; filename=\"", name, "-", &hex.as_str()[..12], ".tar.gz\""]);
        headers.insert(CONTENT_LENGTH, length.into());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
        insert(&mut headers, CONTENT_DISPOSITION, disposition);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers
    }
}

/// Names, digests and dates are plain ASCII, so they are valid.
pub(super) fn insert(headers: &mut HeaderMap, name: axum::http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
