//! What can go wrong between the spec and a complete body, and what each means for the next attempt.
//!
//! No variant holds a header value, a body, a query or an address, so no text and no `Debug` output can leak one.

use std::time::Duration;

use http::StatusCode;

use crate::address::AddressDenied;
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};

/// A failed or impossible request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The URL cannot work, or settings of the controller forbid it.
    #[error("spec.generator.http.url {problem}")]
    InvalidUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another field cannot work, or settings of the controller forbid it.
    #[error("{field} {problem}")]
    InvalidField {
        /// Path of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A Secret is missing.
    #[error("Secret \"{secret}\" is missing")]
    SecretMissing {
        /// Name of the Secret.
        secret: String,
    },
    /// A Secret as a whole cannot be used.
    #[error("Secret \"{secret}\" {problem}")]
    SecretUnusable {
        /// Name of the Secret.
        secret: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// One key of a Secret is missing or cannot be used.
    #[error("key \"{key}\" of Secret \"{secret}\" {problem}")]
    SecretKey {
        /// Name of the Secret.
        secret: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What the preRequest hooks made is no part of a request.
    #[error("the output of the preRequest hooks cannot be used: {problem}")]
    PreRequest {
        /// What is wrong with it, with the field's name.
        problem: String,
    },
    /// The name resolves, or a redirect leads, to where the generator may not go.
    #[error("the address policy of the controller forbids the address of the host")]
    AddressDenied,
    /// The name does not resolve.
    #[error("the host's name could not be resolved")]
    Resolve,
    /// There is no connection.
    #[error("{problem}")]
    Connect {
        /// What happened.
        problem: &'static str,
    },
    /// The server's certificate is not acceptable.
    #[error("the server's certificate {problem}")]
    Certificate {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The HTTP client could not be built, which is a matter of the controller's own container.
    #[error("the HTTP client could not be set up; the controller may lack system CA certificates")]
    Client,
    /// Nothing came for too long.
    #[error("{waited_for} did not come within {limit:?}")]
    Timeout {
        /// What was waited for.
        waited_for: &'static str,
        /// How long.
        limit: Duration,
    },
    /// The user's own limit of the whole request passed.
    #[error("the request took longer than spec.generator.http.timeout ({limit:?})")]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// The connection broke before there was an answer.
    #[error("the connection broke before the origin answered")]
    Disconnected,
    /// The answer's status is not 200.
    #[error("the origin answered {status}{}", if *.headers_dropped { HEADERS_DROPPED } else { "" })]
    Status {
        /// The status.
        status: StatusCode,
        /// When the origin wants to be asked again.
        retry_after: Option<Duration>,
        /// A redirect to another origin took headers off that came from a Secret or a hook.
        headers_dropped: bool,
    },
    /// "Not modified" without a question that allows this answer.
    #[error("the origin answered 304 Not Modified to a request without validators")]
    UnexpectedNotModified,
    /// Redirects do not end.
    #[error("the origin redirected more than {limit} times")]
    TooManyRedirects {
        /// The cap.
        limit: usize,
    },
    /// A redirect leads nowhere that the generator goes.
    #[error("the origin redirected {problem}")]
    Redirect {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The body is larger than the controller accepts.
    #[error("the body is larger than {limit} bytes{}", if *.decoded { " after decoding" } else { "" })]
    TooLarge {
        /// The cap in bytes.
        limit: u64,
        /// Whether it is the decoded body that is too large.
        decoded: bool,
    },
    /// The connection broke, or the origin gave up, before the body was complete.
    #[error("the body ended before it was complete")]
    Truncated,
    /// The body drips.
    #[error("the body comes too slowly: fewer than {pace} bytes per second on average")]
    TooSlow {
        /// What it must reach, in bytes per second.
        pace: u64,
    },
    /// The body's `Content-Encoding` is none that was asked for, or too many.
    #[error("the body has a Content-Encoding that was not asked for; accepted are gzip, deflate and br")]
    UnknownEncoding,
    /// The body is not what its `Content-Encoding` says.
    #[error("the body is not valid according to its Content-Encoding")]
    InvalidEncoding,
    /// A body could not be kept.
    #[error("a body could not be written to SPOOL_DIR, or read from there: {kind}")]
    Spool {
        /// What the system said.
        kind: std::io::ErrorKind,
    },
}

/// Without this hint a user sees a 401 although the Secret is right.
const HEADERS_DROPPED: &str = " (it redirected to another origin, which is never sent the headers of headersSecretRef and of preRequest hooks, nor \
     the URL's userinfo)";

impl HttpError {
    /// What has to happen before another attempt makes sense.
    pub fn class(&self) -> Class {
        match self {
            Self::InvalidUrl { .. } | Self::InvalidField { .. } => Class::Configuration,
            Self::SecretMissing { .. } | Self::SecretUnusable { .. } | Self::SecretKey { .. } => Class::Waiting,
            // A cut body says nothing about the content: it is a fault of the transport, and likely to pass.
            Self::Resolve
            | Self::Connect { .. }
            | Self::Client
            | Self::Timeout { .. }
            | Self::Deadline { .. }
            | Self::Disconnected
            | Self::Truncated
            | Self::TooSlow { .. }
            | Self::Spool { .. } => Class::TRANSIENT,
            Self::Status { status, retry_after, .. } => status_class(*status, *retry_after),
            Self::AddressDenied
            | Self::PreRequest { .. }
            | Self::Certificate { .. }
            | Self::UnexpectedNotModified
            | Self::TooManyRedirects { .. }
            | Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::UnknownEncoding
            | Self::InvalidEncoding => Class::Refused,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => reasons::INVALID_URL,
            Self::InvalidField { .. } => reasons::INVALID_SPEC,
            Self::SecretMissing { .. } | Self::SecretUnusable { .. } | Self::SecretKey { .. } => {
                reasons::SECRET_UNAVAILABLE
            }
            Self::TooLarge { .. } | Self::Truncated | Self::UnknownEncoding | Self::InvalidEncoding => {
                reasons::INVALID_CONTENT
            }
            Self::PreRequest { .. } => reasons::HOOK_FAILED,
            Self::Spool { .. } => reasons::STORAGE_OPERATION_FAILED,
            _ => reasons::FETCH_FAILED,
        }
    }

    /// The failure of a request, whose message starts with the request: `GET https://example.com/data: ...`. What is
    /// wrong before there is one needs no such start.
    pub(super) fn into_failure(self, method: &str, origin: &str) -> Failure {
        let is_made = !matches!(self, Self::PreRequest { .. });
        let mut failure = Failure::from(self);
        if is_made && !matches!(failure.class, Class::Configuration | Class::Waiting) {
            failure.message = format!("{method} {origin}: {}", failure.message);
        }
        failure
    }
}

/// 403 is how some APIs (GitHub) refuse for a while; only then does it come with a word on when to come back.
fn status_class(status: StatusCode, retry_after: Option<Duration>) -> Class {
    let passes = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
        || (status == StatusCode::FORBIDDEN && retry_after.is_some());
    if passes { Class::Transient { retry_after } } else { Class::Refused }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self { class: error.class(), reason: error.reason(), message: error.to_string() }
    }
}

impl From<AddressDenied> for HttpError {
    fn from(AddressDenied: AddressDenied) -> Self {
        Self::AddressDenied
    }
}
