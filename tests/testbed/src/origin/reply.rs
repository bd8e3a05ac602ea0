//! What an origin answers, and in how broken a way.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Recorded, conditional};
use crate::archive;

/// A reply. It is complete and correct unless told otherwise.
///
/// Values that HTTP does not know make the builder methods panic: a test's mistake should be seen where it is made.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) chunked: bool,
    pub(super) drip: Option<(usize, Duration)>,
    pub(super) cut: Option<usize>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is closed instead of (the rest of) a reply.
    Close,
    /// Nothing (more) is sent while the connection stays open.
    Hang,
}

impl Reply {
    /// 200 with a body.
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// 200 with JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::ok(value.to_string()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// An empty reply with this status.
    ///
    /// # Panics
    /// When it is not a status.
    #[expect(clippy::expect_used, reason = "a mistake of the test")]
    pub fn status(code: u16) -> Self {
        Self { status: StatusCode::from_u16(code).expect("an HTTP status"), ..Self::default() }
    }

    /// A redirect, such as 302 or 307.
    pub fn redirect(code: u16, location: &str) -> Self {
        Self::status(code).header(LOCATION.as_str(), location)
    }

    /// No reply: the connection is closed once the request was read.
    pub fn close() -> Self {
        Self { fault: Some(Fault::Close), ..Self::default() }
    }

    /// No reply: the connection stays open and silent once the request was read.
    pub fn hang() -> Self {
        Self { fault: Some(Fault::Hang), ..Self::default() }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a header, also one that lies, such as a wrong `content-length`.
    ///
    /// # Panics
    /// When HTTP does not allow the name or the value.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a mistake of the test")]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        self.headers.insert(name, HeaderValue::try_from(value).expect("a header value"));
        self
    }

    /// Sets the ETag, quotes included, and answers 304 to a matching `If-None-Match`.
    #[must_use]
    pub fn etag(self, etag: &str) -> Self {
        self.header(ETAG.as_str(), etag)
    }

    /// Sets Last-Modified, and answers 304 to an `If-Modified-Since` that is not older (without `If-None-Match`).
    #[must_use]
    pub fn last_modified(self, time: SystemTime) -> Self {
        self.header(LAST_MODIFIED.as_str(), &httpdate::fmt_http_date(time))
    }

    /// Compresses the body and says so in Content-Encoding.
    #[must_use]
    pub fn gzip(mut self) -> Self {
        self.body = archive::gzip(&self.body).into();
        self.header(CONTENT_ENCODING.as_str(), "gzip")
    }

    /// Waits before the reply's first byte.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the body with chunked encoding, so without Content-Length.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Sends the body in pieces of this size with a pause before each.
    #[must_use]
    pub fn drip(mut self, piece: usize, pause: Duration) -> Self {
        self.drip = Some((piece.max(1), pause));
        self
    }

    /// Closes the connection after this many bytes of the body: a Content-Length larger than what comes, or, with
    /// [`Reply::chunked`], a body without its last chunk.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        (self.cut, self.fault) = (Some(bytes), Some(Fault::Close));
        self
    }

    /// Goes silent after this many bytes of the body, with the connection open.
    #[must_use]
    pub fn hang_after(mut self, bytes: usize) -> Self {
        (self.cut, self.fault) = (Some(bytes), Some(Fault::Hang));
        self
    }

    /// What it becomes for a request with validators.
    pub(super) fn for_request(self, request: &Recorded) -> Self {
        if self.status != StatusCode::OK || self.fault.is_some() || !conditional::is_unchanged(&self.headers, request) {
            return self;
        }
        let mut unchanged = Self { status: StatusCode::NOT_MODIFIED, delay: self.delay, ..Self::default() };
        unchanged.headers = self.headers;
        unchanged.headers.remove(CONTENT_TYPE);
        unchanged.headers.remove(CONTENT_ENCODING);
        unchanged
    }
}
