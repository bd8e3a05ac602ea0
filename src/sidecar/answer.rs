//! Answers that are no output.

use std::time::Duration;

use axum::body::{BodyDataStream, Bytes};
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use serde::Serialize;
use tokio::time::timeout;

use crate::hooks::ExecutorError;
use crate::hooks::whitelist::Denial;
use crate::hooks::wire::Refusal;
use crate::sandbox::Limit;

/// Bytes that are still taken from a client that gets a refusal: what may be sent by one that does nothing wrong.
const MAX_DRAIN: u64 = 512 * 1024 * 1024;

/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may send nothing meanwhile: one that waits for the answer is not kept waiting for it.
const DRAIN_SILENCE: Duration = Duration::from_millis(500);

/// Seconds after which a busy sidecar may be asked again: commands are short.
const RETRY: HeaderValue = HeaderValue::from_static("1");

/// Why there is no output.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    kind: &'static str,
    error: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    fn new(status: StatusCode, kind: &'static str, error: impl Into<String>) -> Self {
        Self { status, kind, error: error.into(), header: None }
    }

    /// The request is none that we could read.
    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", error)
    }

    /// The input is larger than a command may read.
    pub(super) fn too_large(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "tooLarge", format!("the input is larger than {limit} bytes"))
    }

    /// The command took longer than it may.
    pub(super) fn timed_out() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "the command exceeded its time limit")
    }

    /// Not now.
    pub(super) fn unavailable(error: impl Into<String>) -> Self {
        let header = Some((RETRY_AFTER, RETRY));
        Self { header, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error) }
    }

    /// Another method would do.
    pub(super) fn method() -> Self {
        let error = "commands are sent by POST, and /health is asked by GET";
        let header = Some((ALLOW, HeaderValue::from_static("GET, POST")));
        Self { header, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", error) }
    }

    /// There is nothing here.
    pub(super) fn route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "route", "there are /v1/run, /v1/transform, /execute and /health")
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        if let Denial::NoWhitelist(_) = denial {
            return Self::unavailable(denial.to_string());
        }
        let status = if denial.is_malformed() { StatusCode::BAD_REQUEST } else { StatusCode::FORBIDDEN };
        Self::new(status, denial.kind(), denial.to_string())
    }
}

impl From<ExecutorError> for Refused {
    fn from(error: ExecutorError) -> Self {
        match error {
            ExecutorError::Invalid(why) => Self::malformed(why),
            ExecutorError::NotAllowed(why) => Self::new(StatusCode::FORBIDDEN, "denied", why),
            ExecutorError::Limit(Limit::Time) => Self::timed_out(),
            ExecutorError::Unavailable(why) => Self::unavailable(why),
            error @ (ExecutorError::Failed(_)
            | ExecutorError::Limit(_)
            | ExecutorError::Problem(_)
            | ExecutorError::Spool(_)) => Self::unavailable(error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        tracing::debug!(status = self.status.as_u16(), kind = self.kind, error = self.error, "a request was refused");
        let mut response = json(self.status, &Refusal { error: self.error, kind: self.kind.to_owned() });
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// JSON.
pub(super) fn json(status: StatusCode, content: &impl Serialize) -> Response {
    // Serializing what has only text keys cannot fail.
    let json = serde_json::to_vec(content).unwrap_or_default();
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], Bytes::from(json)).into_response()
}

/// Takes what is left of a request. A client that is still sending when the connection closes may lose the answer.
pub(super) async fn drain(mut data: BodyDataStream) {
    let mut left = MAX_DRAIN;
    let drained = async {
        while let Ok(Some(Ok(chunk))) = timeout(DRAIN_SILENCE, data.next()).await {
            let Some(after) = left.checked_sub(chunk.len() as u64) else { return };
            left = after;
        }
    };
    // Whoever takes longer does without.
    let _ = timeout(DRAIN_TIMEOUT, drained).await;
}
