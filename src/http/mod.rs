//! What we serve over HTTP: artifacts, and health with metrics.

pub mod artifacts;
pub mod health;
mod server;

use std::time::Duration;

pub use server::{Listener, Lost, Piece, Responder, Socket, Wire, serve};

/// [`ServerSettings::buffer`] of what is asked by GETs of short paths, which fit many times over.
pub const SMALL_BUFFER: usize = 64 * 1024;

/// Bounds of a server that faces the cluster.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long a client may take to send its request's headers.
    pub header_timeout: Duration,
    /// How long a connection may be silent: between requests, or while the client reads nothing of an answer.
    pub idle_timeout: Duration,
    /// Most that a connection buffers: of a request's headers, which must fit, and of an answer.
    pub buffer: usize,
}
