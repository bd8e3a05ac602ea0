//! The artifact server: GET and HEAD on stored archives, straight from the storage.
//!
//! Consumers give up on a 404 and try again on a 503, so 404 is said only of what is known not to exist.

mod body;
mod conditional;
mod range;

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::response::Builder;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use body::{Counted, Exactly};
use conditional::{CONDITIONS, Validators, Verdict};
use range::Requested;

use crate::storage::{Absence, ArtifactKey, Presence, Storage, StorageError, StoredArtifact};
use crate::telemetry::metrics;

/// Name under which each source's advertised archive is served when [`ArtifactSettings::latest`] allows it.
const LATEST: &str = "latest.tar.gz";

/// Seconds after which consumers should come back when an archive is being rebuilt: about as long as that takes, and
/// within the patience of Flux's fetcher (ten attempts).
const RETRY_AFTER_SECONDS: &str = "5";

/// Settings of the artifact server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArtifactSettings {
    /// Whether `latest.tar.gz` is served. Without it, nobody finds an archive without knowing its digest.
    pub latest: bool,
}

/// Serves what `storage` has under `/artifacts/{namespace}/{name}/{file}`, and the same without `/artifacts`;
/// `presence` tells what is absent from what is being rebuilt.
pub fn router(storage: Arc<dyn Storage>, presence: Arc<Presence>, settings: ArtifactSettings) -> Router {
    Router::new()
        .route("/artifacts/{namespace}/{name}/{file}", get(artifact))
        .route("/{namespace}/{name}/{file}", get(artifact))
        .fallback(async || not_found())
        .with_state(Server { storage, presence, settings })
        .layer(middleware::from_fn(count))
}

#[derive(Clone)]
struct Server {
    storage: Arc<dyn Storage>,
    presence: Arc<Presence>,
    settings: ArtifactSettings,
}

/// What a path stands for.
struct Target {
    key: ArtifactKey,
    /// Whether the path will never stand for anything else.
    immutable: bool,
}

async fn count(request: Request, next: Next) -> Response {
    let in_flight = metrics::artifact_request_begins();
    let response = next.run(request).await;
    metrics::artifact_request_answered(response.status());
    response.map(|body| Body::new(Counted::new(body, in_flight)))
}

async fn artifact(
    State(server): State<Server>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    // A path that cannot be decoded names nothing.
    let Ok(Path((namespace, name, file))) = path else { return not_found() };
    let target = match server.locate(&namespace, &name, &file) {
        Ok(target) => target,
        Err(absence) => return absent(absence),
    };
    match server.answer(&target, &method, &headers).await {
        Ok(Some(response)) => response,
        Ok(None) => absent(server.presence.absence(&target.key)),
        Err(error) => {
            tracing::warn!(key = %target.key, %error, "could not serve an artifact");
            absent(Absence::Unknown)
        }
    }
}

impl Server {
    fn locate(&self, namespace: &str, name: &str, file: &str) -> Result<Target, Absence> {
        if file != LATEST || !self.settings.latest {
            let key = ArtifactKey::parse(namespace, name, file).map_err(|_| Absence::Known)?;
            return Ok(Target { key, immutable: true });
        }
        let source = ArtifactKey::checked(namespace, name).map_err(|_| Absence::Known)?;
        match self.presence.advertised(&source) {
            Some(key) => Ok(Target { key, immutable: false }),
            None => Err(self.presence.absence_of_unadvertised()),
        }
    }

    /// The answer to a GET or HEAD; `None` when the archive is not there.
    async fn answer(
        &self,
        target: &Target,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Response>, StorageError> {
        if method == Method::GET
            && let Some(url) = self.storage.redirect(&target.key).await?
        {
            return self.redirect(target, headers, &url).await;
        }
        let conditional = CONDITIONS.iter().any(|name| headers.contains_key(name));
        if method == Method::GET && !conditional {
            return self.send_whole(target).await;
        }
        let Some(stored) = self.storage.peek(&target.key).await? else { return Ok(None) };
        let validators = target.validators(&stored);
        if let Some(response) = target.unless_wanted(headers, &stored) {
            return Ok(Some(response));
        }
        if method == Method::HEAD {
            // Ranges are defined for GET only.
            let response = target.content_head(StatusCode::OK, &stored).header(CONTENT_LENGTH, stored.size);
            return Ok(Some(finish(response, Body::empty())));
        }
        let counts = conditional::range_counts(headers, &validators);
        match if counts { range::requested(headers, stored.size) } else { Requested::Whole } {
            Requested::Whole => self.send_whole(target).await,
            Requested::Part(part) => self.send_part(target, part).await,
            Requested::Unsatisfiable => {
                let response = target.head(StatusCode::RANGE_NOT_SATISFIABLE, &stored);
                let response = response.header(CONTENT_RANGE, format!("bytes */{}", stored.size));
                Ok(Some(finish(response, Body::empty())))
            }
        }
    }

    /// Sends who asks to where the archive is. Ranges are that server's to answer; what compares with our entity tags is
    /// ours, and so is a HEAD, which a URL that was signed for a GET does not allow.
    async fn redirect(
        &self,
        target: &Target,
        headers: &HeaderMap,
        url: &str,
    ) -> Result<Option<Response>, StorageError> {
        let Some(stored) = self.storage.stat(&target.key).await? else { return Ok(None) };
        if let Some(response) = target.unless_wanted(headers, &stored) {
            return Ok(Some(response));
        }
        // The next one is signed anew.
        let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT).header(LOCATION, url);
        Ok(Some(finish(response.header(CACHE_CONTROL, "no-store"), Body::empty())))
    }

    async fn send_whole(&self, target: &Target) -> Result<Option<Response>, StorageError> {
        let Some((stored, content)) = self.storage.retrieve(&target.key, None).await? else { return Ok(None) };
        let response = target.content_head(StatusCode::OK, &stored).header(CONTENT_LENGTH, stored.size);
        Ok(Some(finish(response, Body::new(Exactly::new(content.into_stream(), stored.size)))))
    }

    async fn send_part(&self, target: &Target, part: std::ops::Range<u64>) -> Result<Option<Response>, StorageError> {
        let length = part.end - part.start;
        let content_range = format!("bytes {}-{}/", part.start, part.end - 1);
        let Some((stored, content)) = self.storage.retrieve(&target.key, Some(part)).await? else { return Ok(None) };
        let response = target
            .content_head(StatusCode::PARTIAL_CONTENT, &stored)
            .header(CONTENT_LENGTH, length)
            .header(CONTENT_RANGE, format!("{content_range}{}", stored.size));
        Ok(Some(finish(response, Body::new(Exactly::new(content.into_stream(), length)))))
    }
}

impl Target {
    /// The entity tag is the digest as the ExternalArtifact writes it, so that people can compare the two.
    fn validators(&self, stored: &StoredArtifact) -> Validators {
        Validators { etag: format!("\"{}\"", stored.key.digest().prefixed()), modified: self.modified(stored) }
    }

    /// What stands for the latest revision may turn to an older one again, so no time tells its states apart.
    fn modified(&self, stored: &StoredArtifact) -> Option<SystemTime> {
        self.immutable.then(|| conditional::representable(stored.stored_at))?
    }

    /// The answer to a request whose conditions do not hold.
    fn unless_wanted(&self, headers: &HeaderMap, stored: &StoredArtifact) -> Option<Response> {
        let response = match conditional::evaluate(headers, &self.validators(stored)) {
            Verdict::Send => return None,
            // The length that a 200 would have had (RFC 9110 section 8.6), lest a zero is filled in.
            Verdict::NotModified => self.head(StatusCode::NOT_MODIFIED, stored).header(CONTENT_LENGTH, stored.size),
            Verdict::PreconditionFailed => self.head(StatusCode::PRECONDITION_FAILED, stored),
        };
        Some(finish(response, Body::empty()))
    }

    /// What every answer about a stored archive says.
    fn head(&self, status: StatusCode, stored: &StoredArtifact) -> Builder {
        let validators = self.validators(stored);
        // Private: an archive may hold what a credential gave access to, which no shared cache should keep.
        let cache = match (self.immutable, status.is_client_error()) {
            // What is said of one request holds for no other (RFC 9111 section 3).
            (_, true) => "no-store",
            (true, false) => "private, max-age=31536000, immutable",
            (false, false) => "private, no-cache",
        };
        let response = Response::builder()
            .status(status)
            .header(ETAG, validators.etag)
            .header(CACHE_CONTROL, cache)
            .header(ACCEPT_RANGES, "bytes");
        match validators.modified {
            Some(modified) => response.header(LAST_MODIFIED, httpdate::fmt_http_date(modified)),
            None => response,
        }
    }

    /// What every answer with content says.
    fn content_head(&self, status: StatusCode, stored: &StoredArtifact) -> Builder {
        let digest = stored.key.digest().to_string();
        let disposition = format!("attachment; filename=\"{}-{}.tar.gz\"", stored.key.source().name, &digest[..12]);
        self.head(status, stored)
            .header(CONTENT_TYPE, "application/gzip")
            .header(CONTENT_DISPOSITION, disposition)
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
    }
}

fn finish(response: Builder, body: Body) -> Response {
    // Names and digests are plain ASCII, so the headers are valid.
    response.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn absent(absence: Absence) -> Response {
    match absence {
        Absence::Known => not_found(),
        Absence::Unknown => {
            let headers = [(RETRY_AFTER, RETRY_AFTER_SECONDS), (CACHE_CONTROL, "no-store")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, "not available right now, try again\n").into_response()
        }
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "not found\n").into_response()
}

#[cfg(test)]
mod tests;
