//! One connection, from accept to close.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::listener::Socket;
use super::pulse::{Answering, Observed, Pulse};
use crate::http::ServerSettings;

/// What a connection needs to know of its server.
pub(super) struct Connection {
    router: Router,
    buffer: usize,
    pulse: Arc<Pulse>,
    shutdown: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    /// A connection that is asked to end by `shutdown` and made to by `cut`.
    pub(super) fn new(
        router: Router,
        settings: &ServerSettings,
        shutdown: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        let pulse = Pulse::new(settings.header_timeout, settings.idle_timeout);
        Self { router, buffer: settings.buffer, pulse, shutdown, cut }
    }

    /// Serves requests until the client, its silence or the server ends it.
    pub(super) async fn run<S: Socket>(self, stream: S) {
        stream.configure();
        let io = TokioIo::new(Observed::new(stream, Arc::clone(&self.pulse)));
        let service = service_fn(|request| answer(self.router.clone(), &self.pulse, request));
        let mut http = http1::Builder::new();
        // The pulse has the timeouts.
        http.header_read_timeout(None).max_buf_size(self.buffer);
        let mut connection = pin!(http.serve_connection(io, service));
        let mut stopped = pin!(self.pulse.stopped());
        let mut asked_to_end = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = &mut stopped => return,
                () = self.cut.cancelled() => return,
                () = self.shutdown.cancelled(), if !asked_to_end => {
                    asked_to_end = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn answer(
    router: Router,
    pulse: &Arc<Pulse>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Tracked>, Infallible>> + use<> {
    let answering = pulse.answering();
    async move {
        let response = router.oneshot(request.map(Body::new)).await?;
        Ok(response.map(|body| Tracked { body, _answering: answering }))
    }
}

/// A body whose end is the end of an answer.
struct Tracked {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
