//! What came in.

use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

/// A request as an origin saw it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The query without the question mark; empty when there is none.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who sent it; requests on one connection have the same one.
    pub peer: SocketAddr,
    /// When all of it was there.
    pub at: SystemTime,
}

impl Recorded {
    /// A header's value; nothing when it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
