//! The sidecar's HTTP service: runs commands for the controller, in a container that has nothing to steal.
//!
//! | route | what |
//! | --- | --- |
//! | `POST /v1/run` | a command in a header, its input as the body; its output comes as it is written |
//! | `POST /v1/transform` | a program and a document as the body |
//! | `POST /execute` | both as JSON, as the Go implementation's clients send it |
//! | `GET /health` | how it is |
//!
//! Nobody authenticates: whoever reaches the socket may run what the whitelist allows, and nothing else.

mod answer;
mod execute;
mod listen;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use self::answer::Refused;
use crate::hooks::wire::{self, Health};
use crate::hooks::{Embedded, Endpoint};
use crate::http::{self, ServerSettings};

pub use listen::{ListenError, Listening};

/// Connections at once: the controller has one per command, and a probe comes now and then.
const MAX_CONNECTIONS: usize = 128;

/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may read nothing of an answer. It keeps its spool on a disk, which may be slow.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What the routes share.
struct Sidecar {
    engine: Embedded,
    shutdown: CancellationToken,
}

/// Serves until `shutdown`; what runs then may go on for `grace`.
pub async fn serve(listening: Listening, engine: Embedded, shutdown: CancellationToken, grace: Duration) {
    let settings = ServerSettings {
        max_connections: MAX_CONNECTIONS,
        header_timeout: HEADER_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
        buffer: wire::BUFFER,
    };
    let router = router(engine, shutdown.clone());
    match listening {
        Listening::Unix(listener, _socket) => http::serve(listener, router, settings, shutdown, grace).await,
        Listening::Tcp(listener) => http::serve(listener, router, settings, shutdown, grace).await,
    }
}

/// Binds an endpoint.
pub fn listen(endpoint: &Endpoint) -> Result<Listening, ListenError> {
    listen::listen(endpoint)
}

fn router(engine: Embedded, shutdown: CancellationToken) -> Router {
    let state = Arc::new(Sidecar { engine, shutdown });
    Router::new()
        .route("/v1/run", post(stream::run).fallback(not_allowed))
        .route("/v1/transform", post(stream::transform).fallback(not_allowed))
        .route("/execute", post(execute::execute).fallback(not_allowed))
        .route("/health", get(health).fallback(not_allowed))
        .fallback(not_found)
        .with_state(state)
}

async fn health(State(sidecar): State<Arc<Sidecar>>) -> Response {
    let stopping = sidecar.shutdown.is_cancelled();
    let health = Health {
        status: if stopping { "stopping" } else { "healthy" }.to_owned(),
        whitelist: sidecar.engine.rules().problem(),
        running: sidecar.engine.running(),
        waiting: sidecar.engine.waiting(),
    };
    let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    answer::json(status, &health)
}

async fn not_allowed(request: Request<Body>) -> Response {
    refuse(request, Refused::method()).await
}

async fn not_found(request: Request<Body>) -> Response {
    refuse(request, Refused::route()).await
}

/// Answers once the client has sent what it wanted to: it may not read anything before.
async fn refuse(request: Request<Body>, refused: Refused) -> Response {
    answer::drain(request.into_body().into_data_stream()).await;
    refused.into_response()
}

/// The command and the standard input of a request of `POST /execute`, for fuzz targets.
#[cfg(feature = "fuzzing")]
pub fn decode_execute(request: &[u8]) -> Option<(crate::hooks::Command, Vec<u8>)> {
    execute::decode(request, 1 << 20).ok()
}
