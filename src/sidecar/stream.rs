//! `/v1/run` and `/v1/transform`: input and output as they come, and trailers that say how it ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TE, TRAILER};
use axum::http::{Request, Response};
use axum::response::{IntoResponse as _, Response as AxumResponse};
use futures::stream::{self, Stream, TryStreamExt as _};
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::Sidecar;
use super::answer::{self, Refused};
use crate::hooks::wire;
use crate::hooks::{ExecutorError, Job, Output, Slot, problem_of};
use crate::sandbox::{Ended, Limit};

/// How long what a command did not read is still taken from a client, before it gets the trailers.
const REST_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the end of a program is that of a transformation, which says why there is no result.
#[derive(Clone, Copy)]
enum Kind {
    Command,
    Transformation,
}

/// `POST /v1/run`.
pub(super) async fn run(State(sidecar): State<Arc<Sidecar>>, request: Request<Body>) -> AxumResponse {
    let admitted = command(&sidecar, request.headers());
    answer(&sidecar, admitted, Kind::Command, request).await
}

/// `POST /v1/transform`.
pub(super) async fn transform(State(sidecar): State<Arc<Sidecar>>, request: Request<Body>) -> AxumResponse {
    let admitted = transformation(&sidecar, request.headers());
    answer(&sidecar, admitted, Kind::Transformation, request).await
}

fn command(sidecar: &Sidecar, headers: &HeaderMap) -> Result<Job, Refused> {
    check(sidecar, headers)?;
    let value =
        only(headers, &wire::COMMAND)?.ok_or_else(|| Refused::malformed(format!("{} is missing", wire::COMMAND)))?;
    let command = wire::command_of(value).map_err(Refused::malformed)?;
    Ok(sidecar.engine.admit(&command)?)
}

fn transformation(sidecar: &Sidecar, headers: &HeaderMap) -> Result<Job, Refused> {
    check(sidecar, headers)?;
    let timeout = only(headers, &wire::TIMEOUT)?.map(|value| {
        let text = value.to_str().map_err(|_| format!("{} is no text", wire::TIMEOUT))?;
        wire::timeout_of(text)
    });
    Ok(sidecar.engine.transformation(timeout.transpose().map_err(Refused::malformed)?))
}

/// The header's only value.
fn only<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Result<Option<&'a HeaderValue>, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Refused::malformed(format!("{name} is there twice"))),
    }
}

/// What has to hold for any request.
fn check(sidecar: &Sidecar, headers: &HeaderMap) -> Result<(), Refused> {
    if sidecar.shutdown.is_cancelled() {
        return Err(Refused::unavailable("shutting down"));
    }
    // Without them an answer that broke off would look like a whole one.
    let takes_trailers = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case("trailers")))
    };
    if !headers.get_all(TE).iter().any(takes_trailers) {
        return Err(Refused::malformed("the request must say \"TE: trailers\": they tell how the command ended"));
    }
    let limit = sidecar.engine.settings().limits.stdin;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) { Err(Refused::too_large(limit)) } else { Ok(()) }
}

async fn answer(sidecar: &Sidecar, admitted: Result<Job, Refused>, kind: Kind, request: Request<Body>) -> AxumResponse {
    let body = request.into_body().into_data_stream();
    let taken = match admitted {
        Ok(job) => turn(sidecar, kind).await.map(|slot| (slot, job)).map_err(Refused::from),
        Err(refused) => Err(refused),
    };
    let (slot, job) = match taken {
        Ok(taken) => taken,
        Err(refused) => {
            answer::drain(body).await;
            return refused.into_response();
        }
    };
    let input = body.map_err(io::Error::other);
    let begun = match sidecar.engine.start(slot, job, input) {
        Ok(output) => begin(output, kind).await,
        Err(error) => Err(error.into()),
    };
    begun.unwrap_or_else(Refused::into_response)
}

async fn turn(sidecar: &Sidecar, kind: Kind) -> Result<Slot, ExecutorError> {
    match kind {
        Kind::Command => sidecar.engine.turn().await,
        Kind::Transformation => sidecar.engine.transformation_turn().await,
    }
}

/// The answer, once there is output or its end: a status cannot be taken back.
async fn begin(mut output: Output, kind: Kind) -> Result<AxumResponse, Refused> {
    let stage = match output.next().await? {
        Some(chunk) => Stage::First(chunk, output),
        None => Stage::Ended(end(output).await?),
    };
    if matches!(&stage, Stage::Ended(ended) if ended.limit == Some(Limit::Time)) {
        return Err(Refused::timed_out());
    }
    let mut response = Response::new(Body::new(StreamBody::new(frames(stage, kind))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(TRAILER, wire::TRAILERS);
    Ok(response)
}

/// What is to be told next.
enum Stage {
    First(Bytes, Output),
    Output(Output),
    Ended(Ended),
}

/// The output, and how it ended. An error breaks the answer off, which is how the client knows.
fn frames(stage: Stage, kind: Kind) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    stream::try_unfold(Some(stage), move |stage| async move {
        let (frame, next) = match stage {
            None => return Ok(None),
            Some(Stage::First(chunk, output)) => (Frame::data(chunk), Some(Stage::Output(output))),
            Some(Stage::Output(mut output)) => match output.next().await.map_err(io::Error::other)? {
                Some(chunk) => (Frame::data(chunk), Some(Stage::Output(output))),
                None => (trailers(&end(output).await.map_err(io::Error::other)?, kind), None),
            },
            Some(Stage::Ended(ended)) => (trailers(&ended, kind), None),
        };
        Ok(Some((frame, next)))
    })
}

/// Waits for the end, and takes what the command did not read: the client sends it before it reads the trailers.
async fn end(output: Output) -> Result<Ended, ExecutorError> {
    let (ended, rest) = output.end().await?;
    // Whoever takes longer does without.
    let _ = tokio::time::timeout(REST_TIMEOUT, rest.discard()).await;
    Ok(ended)
}

fn trailers(ended: &Ended, kind: Kind) -> Frame<Bytes> {
    let problem = match kind {
        Kind::Command => None,
        Kind::Transformation => problem_of(ended),
    };
    Frame::trailers(wire::trailers(ended, problem.as_ref()))
}
