//! One connection, from accept to close.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use axum::http::{Request, Response};
use futures::stream::{FuturesUnordered, StreamExt as _};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::listener::Socket;
use super::pulse::{Answering, Observed, Pulse};
use super::responder::Responder;
use super::wire::Wire;
use crate::http::ServerSettings;

/// What a connection needs to know of its server.
pub(super) struct Connection<R> {
    responder: R,
    buffer: usize,
    pulse: Arc<Pulse>,
    shutdown: CancellationToken,
    cut: CancellationToken,
}

/// What happens to a connection from outside.
enum Signal {
    /// It is to end after the answer under way.
    Asked,
    /// It is to end now.
    Ended,
}

impl<R: Responder> Connection<R> {
    /// A connection that is asked to end by `shutdown` and made to by `cut`.
    pub(super) fn new(
        responder: R,
        settings: &ServerSettings,
        shutdown: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        let pulse = Pulse::new(settings.header_timeout, settings.idle_timeout);
        Self { responder, buffer: settings.buffer, pulse, shutdown, cut }
    }

    /// Serves requests until the client, its silence or the server ends it.
    pub(super) async fn run<S: Socket>(self, stream: S) {
        stream.configure();
        let wire = Wire::default();
        let io = TokioIo::new(Observed::new(stream, Arc::clone(&self.pulse), wire.clone()));
        let service = service_fn(|request| answer(&self.responder, &self.pulse, request, &wire));
        let mut http = http1::Builder::new();
        // The pulse has the timeouts.
        http.header_read_timeout(None).max_buf_size(self.buffer);
        let mut connection = pin!(http.serve_connection(io, service));
        // Looked at when one of them stirs, and not whenever the connection does.
        let mut signals = FuturesUnordered::from_iter([self.signal(false)]);
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                Some(signal) = signals.next() => match signal {
                    Signal::Ended => return,
                    Signal::Asked => {
                        connection.as_mut().graceful_shutdown();
                        signals.push(self.signal(true));
                    }
                },
            }
        }
    }

    async fn signal(&self, asked: bool) -> Signal {
        tokio::select! {
            () = self.pulse.stopped() => Signal::Ended,
            () = self.cut.cancelled() => Signal::Ended,
            () = self.shutdown.cancelled(), if !asked => Signal::Asked,
        }
    }
}

fn answer<R: Responder>(
    responder: &R,
    pulse: &Arc<Pulse>,
    request: Request<Incoming>,
    wire: &Wire,
) -> impl Future<Output = Result<Response<Tracked<R::Body>>, Infallible>> + use<R> {
    let answering = pulse.answering();
    let response = responder.respond(request, wire);
    async move { Ok(response.await.map(|body| Tracked { body, _answering: answering })) }
}

/// A body whose end is the end of an answer.
struct Tracked<B> {
    body: B,
    _answering: Answering,
}

impl<B: HttpBody + Unpin> HttpBody for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
