//! What answers the requests that arrive at a server.

use std::error::Error;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use futures::FutureExt as _;
use hyper::body::Incoming;
use tower::ServiceExt as _;

use super::Wire;

/// Answers requests; cheap to clone.
pub trait Responder: Clone + Send + Sync + 'static {
    /// The content of an answer.
    type Body: HttpBody<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// The answer to one request, which goes into the connection that `wire` belongs to.
    fn respond(
        &self,
        request: Request<Incoming>,
        wire: &Wire,
    ) -> impl Future<Output = Response<Self::Body>> + Send + use<Self>;
}

impl Responder for Router {
    type Body = Body;

    fn respond(&self, request: Request<Incoming>, _: &Wire) -> impl Future<Output = Response<Body>> + Send + use<> {
        self.clone().oneshot(request.map(Body::new)).map(|answered| match answered {
            Ok(response) => response,
            Err(never) => match never {},
        })
    }
}
