//! What we serve over HTTP: artifacts, and health with metrics.

pub mod artifacts;
pub mod health;
mod server;

use std::time::Duration;

pub use server::serve;

/// Bounds of a server that faces the cluster.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long a client may take to send its request's headers.
    pub header_timeout: Duration,
    /// How long a connection may be silent: between requests, or while the client reads nothing of an answer.
    pub idle_timeout: Duration,
}
