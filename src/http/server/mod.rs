//! An HTTP/1.1 server that nobody can hold up: bounded connections, deadlines for headers and for silence, none for
//! a download that makes progress; it ends by letting open answers finish.

mod connection;
mod listener;
mod pulse;
mod responder;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServerSettings;
use connection::Connection;
pub use listener::{Listener, Socket};
pub use responder::Responder;
pub use wire::{Lost, Piece, Wire};

/// Wait after a failed accept. Almost always file descriptors have run out, and only a connection's end helps.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(250);

/// Serves what `responder` answers on `listener` until `shutdown`. Then the listener is closed, idle connections end, and open answers
/// may go on for `grace` before they are cut off. Returns when no connection is left; when the returned future is
/// dropped, all of them are cut off.
pub async fn serve<L: Listener, R: Responder>(
    listener: L,
    responder: R,
    settings: ServerSettings,
    shutdown: CancellationToken,
    grace: Duration,
) {
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let _cut_on_drop = cut.clone().drop_guard();
    let limit = Arc::new(Semaphore::new(settings.max_connections));
    while let Some((stream, permit)) = next(&listener, &limit, &shutdown).await {
        let connection = Connection::new(responder.clone(), &settings, shutdown.clone(), cut.clone());
        connections.spawn(async move {
            connection.run(stream).await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut off open answers at the end of the grace period");
        cut.cancel();
        connections.wait().await;
    }
}

/// The next connection, once there is room for it; `None` after `shutdown`.
async fn next<L: Listener>(
    listener: &L,
    limit: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(L::Socket, OwnedSemaphorePermit)> {
    let accepted = async {
        // The semaphore is never closed.
        let permit = Arc::clone(limit).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok(stream) => return Some((stream, permit)),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accepted).await.flatten()
}

/// Whether only the connection that was about to be accepted is lost (accept(2)).
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted)
}

#[cfg(test)]
mod tests;
