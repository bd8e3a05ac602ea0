//! The artifact server: GET and HEAD on stored archives, straight from the storage.
//!
//! Consumers give up on a 404 and try again on a 503, so 404 is said only of what is known not to exist.
//!
//! There is no router, no layer and no boxed body between the connection and the storage: with them, a small request cost
//! more than nginx's (docs/performance.md).

mod body;
mod conditional;
mod head;
mod path;
mod range;

use std::sync::Arc;

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

pub use body::ArtifactBody;
use conditional::{CONDITIONS, Verdict};
use head::{Target, insert};
use range::Requested;

use super::{Responder, Wire};
use crate::storage::{Absence, ArtifactKey, Content, Presence, Storage, StorageError, StoredArtifact};
use crate::telemetry::metrics::ArtifactMetrics;

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

/// Serves what a storage has under `/artifacts/{namespace}/{name}/{file}`, and the same without `/artifacts`.
#[derive(Clone)]
pub struct Artifacts(Arc<Server>);

struct Server {
    storage: Arc<dyn Storage>,
    presence: Arc<Presence>,
    settings: ArtifactSettings,
    metrics: Arc<ArtifactMetrics>,
}

/// An answer without what counts it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Said,
}

enum Said {
    Nothing,
    Text(&'static str),
    Archive(Content, u64),
}

impl Artifacts {
    /// Serves `storage`; `presence` tells what is absent from what is being rebuilt.
    pub fn new(storage: Arc<dyn Storage>, presence: Arc<Presence>, settings: ArtifactSettings) -> Self {
        Self(Arc::new(Server { storage, presence, settings, metrics: ArtifactMetrics::new() }))
    }

    /// The answer to a request with these headers. Files go through `wire`, if there is one.
    async fn answer(self, method: Method, uri: Uri, headers: HeaderMap, wire: Option<Wire>) -> Response<ArtifactBody> {
        let server = &*self.0;
        let in_flight = server.metrics.begin();
        let mut answer = server.find(&method, uri.path(), &headers).await;
        server.metrics.answered(answer.status);
        answer.headers.entry(CONTENT_LENGTH).or_insert_with(|| answer.content.len().into());
        let body = match answer.content {
            _ if method == Method::HEAD => ArtifactBody::empty(in_flight),
            Said::Nothing => ArtifactBody::empty(in_flight),
            Said::Text(text) => ArtifactBody::text(text, in_flight),
            Said::Archive(content, length) => {
                ArtifactBody::archive(content, length, wire.as_ref(), &server.metrics, in_flight)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        response
    }
}

impl Responder for Artifacts {
    type Body = ArtifactBody;

    fn respond(
        &self,
        request: Request<Incoming>,
        wire: &Wire,
    ) -> impl Future<Output = Response<ArtifactBody>> + Send + use<> {
        let (parts, _) = request.into_parts();
        self.clone().answer(parts.method, parts.uri, parts.headers, Some(wire.clone()))
    }
}

impl Server {
    async fn find(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        let Some(names) = path::names(path) else { return not_found() };
        if method != Method::GET && method != Method::HEAD {
            return Answer::new(StatusCode::METHOD_NOT_ALLOWED, &[(ALLOW, "GET,HEAD")], Said::Nothing);
        }
        let target = match self.locate(&names.namespace, &names.name, &names.file) {
            Ok(target) => target,
            Err(absence) => return absent(absence),
        };
        match self.about(&target, method, headers).await {
            Ok(Some(answer)) => answer,
            Ok(None) => absent(self.presence.absence(&target.key)),
            Err(error) => {
                tracing::warn!(key = %target.key, %error, "could not serve an artifact");
                absent(Absence::Unknown)
            }
        }
    }

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
    async fn about(
        &self,
        target: &Target,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Answer>, StorageError> {
        if method == Method::GET
            && let Some(url) = self.storage.redirect(&target.key).await?
        {
            return self.redirect(target, headers, url).await;
        }
        let conditional = CONDITIONS.iter().any(|name| headers.contains_key(name));
        if method == Method::GET && !conditional {
            return self.whole(target).await;
        }
        let Some(stored) = self.storage.peek(&target.key).await? else { return Ok(None) };
        let validators = target.validators(&stored);
        if let Some(answer) = target.unless_wanted(headers, &stored) {
            return Ok(Some(answer));
        }
        if method == Method::HEAD {
            // Ranges are defined for GET only.
            let headers = target.content_head(StatusCode::OK, &stored, stored.size);
            return Ok(Some(Answer { status: StatusCode::OK, headers, content: Said::Nothing }));
        }
        let counts = conditional::range_counts(headers, &validators);
        match if counts { range::requested(headers, stored.size) } else { Requested::Whole } {
            Requested::Whole => self.whole(target).await,
            Requested::Part(part) => self.part(target, part).await,
            Requested::Unsatisfiable => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                let mut headers = target.head(status, validators);
                insert(&mut headers, CONTENT_RANGE, format!("bytes */{}", stored.size));
                Ok(Some(Answer { status, headers, content: Said::Nothing }))
            }
        }
    }

    /// Sends who asks to where the archive is. Ranges are that server's to answer; what compares with our entity tags is
    /// ours, and so is a HEAD, which a URL that was signed for a GET does not allow.
    async fn redirect(
        &self,
        target: &Target,
        headers: &HeaderMap,
        url: String,
    ) -> Result<Option<Answer>, StorageError> {
        let Some(stored) = self.storage.stat(&target.key).await? else { return Ok(None) };
        if let Some(answer) = target.unless_wanted(headers, &stored) {
            return Ok(Some(answer));
        }
        // The next one is signed anew.
        let mut answer = Answer::new(StatusCode::TEMPORARY_REDIRECT, &[(CACHE_CONTROL, "no-store")], Said::Nothing);
        insert(&mut answer.headers, LOCATION, url);
        Ok(Some(answer))
    }

    async fn whole(&self, target: &Target) -> Result<Option<Answer>, StorageError> {
        let Some((stored, content)) = self.storage.retrieve(&target.key, None).await? else { return Ok(None) };
        let headers = target.content_head(StatusCode::OK, &stored, stored.size);
        Ok(Some(Answer { status: StatusCode::OK, headers, content: Said::Archive(content, stored.size) }))
    }

    async fn part(&self, target: &Target, part: std::ops::Range<u64>) -> Result<Option<Answer>, StorageError> {
        let Some((stored, content)) = self.storage.retrieve(&target.key, Some(part.clone())).await? else {
            return Ok(None);
        };
        let (status, length) = (StatusCode::PARTIAL_CONTENT, part.end - part.start);
        let mut headers = target.content_head(status, &stored, length);
        insert(&mut headers, CONTENT_RANGE, format!("bytes {}-{}/{}", part.start, part.end - 1, stored.size));
        Ok(Some(Answer { status, headers, content: Said::Archive(content, length) }))
    }
}

impl Target {
    /// The answer to a request whose conditions do not hold.
    fn unless_wanted(&self, headers: &HeaderMap, stored: &StoredArtifact) -> Option<Answer> {
        let validators = self.validators(stored);
        let status = match conditional::evaluate(headers, &validators) {
            Verdict::Send => return None,
            Verdict::NotModified => StatusCode::NOT_MODIFIED,
            Verdict::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        };
        let mut headers = self.head(status, validators);
        if status == StatusCode::NOT_MODIFIED {
            // The length that a 200 would have had (RFC 9110 section 8.6), lest a zero is filled in.
            headers.insert(CONTENT_LENGTH, stored.size.into());
        }
        Some(Answer { status, headers, content: Said::Nothing })
    }
}

impl Said {
    fn len(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Text(text) => text.len() as u64,
            Self::Archive(_, length) => *length,
        }
    }
}

impl Answer {
    fn new(status: StatusCode, headers: &[(axum::http::HeaderName, &'static str)], content: Said) -> Self {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        Self { status, headers: headers.collect(), content }
    }
}

fn absent(absence: Absence) -> Answer {
    match absence {
        Absence::Known => not_found(),
        Absence::Unknown => {
            let headers = [(RETRY_AFTER, RETRY_AFTER_SECONDS), (CACHE_CONTROL, "no-store")];
            let text = Said::Text("not available right now, try again\n");
            Answer::new(StatusCode::SERVICE_UNAVAILABLE, &headers, text)
        }
    }
}

fn not_found() -> Answer {
    Answer::new(StatusCode::NOT_FOUND, &[(CACHE_CONTROL, "no-store")], Said::Text("not found\n"))
}

#[cfg(test)]
mod tests;
