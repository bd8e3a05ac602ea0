//! Single calls: throttled, bounded in time and, when they write, fenced.

use std::time::Duration;

use kube::core::request;
use kube::{Client, Resource};
use serde_json::Value;

use super::errors::{self, classify, timed_out};
use super::lease::Fence;
use super::throttle::Throttle;
use crate::api::ObjectName;
use crate::catalog::CatalogError;

/// Longest duration of one call that is no watch: a healthy API server answers within milliseconds, and an overloaded
/// one sheds what waited for its longest queue (priority and fairness) in about this time.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// A request as kube builds it.
pub(super) type Request = Result<http::Request<Vec<u8>>, request::Error>;

/// The API server, for everything but watches and the lease.
pub(super) struct ApiServer {
    pub(super) client: Client,
    pub(super) throttle: Throttle,
    pub(super) fence: Fence,
}

/// A call that did not succeed.
#[derive(Debug)]
pub(super) enum CallError {
    /// The fence is closed, or closed before the answer came.
    NotLeader,
    /// No answer within this time.
    TimedOut(Duration),
    /// The API server, or the way to it, said no.
    Failed(kube::Error),
}

impl CallError {
    /// The status code of the answer; 0 when there was none.
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::Failed(error) => errors::code_of(error),
            Self::NotLeader | Self::TimedOut(_) => 0,
        }
    }

    /// The error of an attempt to `action`.
    pub(super) fn of(self, action: &'static str) -> CatalogError {
        match self {
            Self::NotLeader => CatalogError::NotLeader,
            Self::TimedOut(limit) => timed_out(action, limit),
            Self::Failed(error) => classify(action, &error),
        }
    }
}

impl ApiServer {
    /// Sends a request that changes nothing.
    pub(super) async fn read(&self, request: Request) -> Result<Value, CallError> {
        self.throttle.acquire().await;
        match tokio::time::timeout(CALL_LIMIT, self.send(request)).await {
            Ok(answer) => answer.map_err(CallError::Failed),
            Err(_) => Err(CallError::TimedOut(CALL_LIMIT)),
        }
    }

    /// Sends a request that changes something, while the lease allows it.
    pub(super) async fn write(&self, request: Request) -> Result<Value, CallError> {
        self.throttle.acquire().await;
        let remaining = self.fence.remaining().ok_or(CallError::NotLeader)?;
        let limit = CALL_LIMIT.min(remaining);
        match tokio::time::timeout(limit, self.send(request)).await {
            Ok(answer) => answer.map_err(CallError::Failed),
            Err(_) if self.fence.is_open() => Err(CallError::TimedOut(limit)),
            Err(_) => Err(CallError::NotLeader),
        }
    }

    /// Text first: [`Client::request`] logs an answer that it cannot read, which may be a Secret.
    async fn send(&self, request: Request) -> Result<Value, kube::Error> {
        let text = self.client.request_text(request.map_err(kube::Error::BuildRequest)?).await?;
        serde_json::from_str(&text).map_err(kube::Error::SerdeError)
    }
}

/// Requests about objects of the kind `K` in this namespace.
pub(super) fn requests<K: Resource<DynamicType = ()>>(name: &ObjectName) -> request::Request {
    request::Request::new(K::url_path(&(), Some(&name.namespace)))
}
