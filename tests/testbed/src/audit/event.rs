//! One line of the audit log.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A request to the API server, as far as tests look at it (audit.k8s.io/v1, Event).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Where in the request's life the line was written; only `ResponseComplete` and `Panic` end it.
    pub stage: String,
    /// `create`, `patch`, `get`, `list`, `watch`, ...
    pub verb: String,
    /// Path and query.
    #[serde(rename = "requestURI")]
    pub request_uri: String,
    /// Who asked.
    pub user: User,
    /// What the client calls itself.
    #[serde(default)]
    pub user_agent: String,
    /// The object or kind that was asked for; nothing for paths such as `/version`.
    pub object_ref: Option<ObjectRef>,
    /// The answer.
    pub response_status: Option<ResponseStatus>,
    /// When the request came in, RFC 3339.
    pub request_received_timestamp: String,
}

/// Who asked.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct User {
    /// Such as `system:serviceaccount:<namespace>:<name>`.
    #[serde(default)]
    pub username: String,
    /// What else the API server knows about the user.
    #[serde(default)]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What was asked for; empty where it does not apply.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    /// API group; empty for the core group.
    pub api_group: String,
    /// Plural name of the kind.
    pub resource: String,
    /// Such as `status`.
    pub subresource: String,
    /// Empty for cluster-wide kinds, and for requests for all namespaces.
    pub namespace: String,
    /// Empty for lists, and for objects whose name the server generates.
    pub name: String,
}

/// The answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ResponseStatus {
    /// The HTTP status.
    #[serde(default)]
    pub code: u16,
}

impl AuditEvent {
    /// The HTTP status, 0 when there was none.
    pub fn code(&self) -> u16 {
        self.response_status.as_ref().map_or(0, |status| status.code)
    }

    /// Whether it was answered with success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code())
    }

    /// The token that the request was sent with; processes with the same account have a token each.
    pub fn credential(&self) -> Option<&str> {
        let ids = self.user.extra.get("authentication.kubernetes.io/credential-id")?;
        ids.first().map(String::as_str)
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.stage.as_str(), "ResponseComplete" | "Panic")
    }
}
