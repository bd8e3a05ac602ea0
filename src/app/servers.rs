//! Listeners, and the small servers that are no actors.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Listen;
use crate::http::{self, ServerSettings};

/// Probes and scrapes are short; an open one may take this long at shutdown.
const GRACE: Duration = Duration::from_secs(1);

/// Binds the first of the addresses that can be bound; `what` says for whom.
pub fn bind(what: &str, listen: &Listen) -> anyhow::Result<TcpListener> {
    let candidates = listen.candidates();
    let shown = candidates.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" or ");
    let listener =
        TcpListener::bind(candidates.as_slice()).with_context(|| format!("{what}: cannot listen on {shown}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves health or metrics until `shutdown`.
pub fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Probes, a scraper or two, and somebody who is curious.
    let settings = ServerSettings {
        max_connections: 32,
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(60),
        buffer: http::SMALL_BUFFER,
    };
    Ok(tokio::spawn(http::serve(listener, router, settings, shutdown, GRACE)))
}
