//! `POST /execute`: the Go implementation's format, in which everything is JSON and in memory
//! (<https://github.com/oddkinco/flux-externalsource-controller/blob/main/cmd/externalsource-hook-executor/main.go>).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use futures::stream;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::Sidecar;
use super::answer::{self, Refused};
use crate::hooks::{Command, Output, Slot, wire};
use crate::sandbox::{Exit, Limit};

/// Bytes of input, and of output: both are in memory several times.
const MAX_DATA: usize = 16 * 1024 * 1024;

/// Bytes of a request: the input as base64, and a command.
const MAX_REQUEST: usize = MAX_DATA.div_ceil(3) * 4 + 1024 * 1024;

/// How long a client may take to send its request, which holds a place for a command.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Go's `ExitCode()` of what a signal ended.
const NO_EXIT_CODE: i32 = -1;

/// The request. What is missing is empty, as in Go; what is unknown is ignored, as in Go.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(default)]
    command: String,
    #[serde(default)]
    args: Option<Vec<String>>,
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    env: Option<Variables>,
    #[serde(default, borrow)]
    stdin: Option<Cow<'a, str>>,
}

/// The answer, encoded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Encoded {
    stdout: String,
    stderr: String,
    exit_code: i32,
}

/// The answer.
struct Executed {
    stdout: Vec<u8>,
    stderr: Bytes,
    exit_code: i32,
}

/// `POST /execute`.
pub(super) async fn execute(State(sidecar): State<Arc<Sidecar>>, request: Request<Body>) -> Response {
    let mut body = request.into_body().into_data_stream();
    // Before the body is read, so that no more of them are in memory than may run.
    let slot = match turn(&sidecar).await {
        Ok(slot) => slot,
        Err(refused) => {
            answer::drain(body).await;
            return refused.into_response();
        }
    };
    let read = tokio::time::timeout(REQUEST_TIMEOUT, read(&mut body)).await;
    let answered = match read.unwrap_or_else(|_| Err(Refused::malformed("the request was not sent in time"))) {
        Ok(request) => run(&sidecar, slot, request).await,
        Err(refused) => {
            drop(slot);
            answer::drain(body).await;
            Err(refused)
        }
    };
    let answered = match answered {
        Ok(executed) => aside(move || answer::json(StatusCode::OK, &executed.encode())).await,
        Err(refused) => Err(refused),
    };
    answered.unwrap_or_else(Refused::into_response)
}

/// Runs what takes its time with megabytes where nobody else waits for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    // Only a runtime that shuts down does not run it.
    tokio::task::spawn_blocking(work).await.map_err(|_| Refused::unavailable("shutting down"))
}

async fn turn(sidecar: &Sidecar) -> Result<Slot, Refused> {
    if sidecar.shutdown.is_cancelled() {
        return Err(Refused::unavailable("shutting down"));
    }
    Ok(sidecar.engine.turn().await?)
}

async fn read(body: &mut BodyDataStream) -> Result<Vec<u8>, Refused> {
    let mut read = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Refused::malformed("the request broke off"))?;
        if read.len() + chunk.len() > MAX_REQUEST {
            return Err(Refused::too_large(MAX_DATA as u64));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

async fn run(sidecar: &Sidecar, slot: Slot, request: Vec<u8>) -> Result<Executed, Refused> {
    let max_stdin = sidecar.engine.settings().limits.stdin;
    let (command, stdin) = aside(move || decode(&request, max_stdin)).await??;
    let job = sidecar.engine.admit(&command)?;
    let input = stream::iter([Ok(Bytes::from(stdin))]);
    complete(sidecar.engine.start(slot, job, input)?).await
}

pub(super) fn decode(request: &[u8], max_stdin: u64) -> Result<(Command, Vec<u8>), Refused> {
    let asked: Asked<'_> = wire::object(request)
        .map_err(|why| Refused::malformed(format!("the request is not the JSON of a command: {why}")))?;
    let mut stdin = asked.stdin.unwrap_or_default();
    // Go's decoder passes over the ends of lines.
    if stdin.contains(['\r', '\n']) {
        stdin.to_mut().retain(|c| !matches!(c, '\r' | '\n'));
    }
    let stdin = STANDARD.decode(stdin.as_bytes()).map_err(|_| Refused::malformed("stdin is not base64"))?;
    let limit = max_stdin.min(MAX_DATA as u64);
    if stdin.len() as u64 > limit {
        return Err(Refused::too_large(limit));
    }
    let timeout = asked.timeout.filter(|text| !text.is_empty()).map(|text| wire::timeout_of(&text)).transpose();
    let command = Command {
        name: asked.command,
        args: asked.args.unwrap_or_default(),
        env: asked.env.unwrap_or_default().0,
        timeout: timeout.map_err(Refused::malformed)?,
    };
    Ok((command, stdin))
}

async fn complete(mut output: Output) -> Result<Executed, Refused> {
    let mut stdout = Vec::new();
    while let Some(chunk) = output.next().await? {
        if stdout.len() + chunk.len() > MAX_DATA {
            return Ok(Executed::stopped(&[], Limit::Stdout));
        }
        stdout.extend_from_slice(&chunk);
    }
    let (ended, _) = output.end().await?;
    match (ended.limit, ended.exit) {
        (Some(Limit::Time), _) => Err(Refused::timed_out()),
        (Some(limit), _) => Ok(Executed::stopped(&ended.stderr, limit)),
        (None, exit) => Ok(Executed {
            stdout,
            stderr: ended.stderr,
            exit_code: match exit {
                Exit::Code(code) => code,
                Exit::Signal(_) => NO_EXIT_CODE,
            },
        }),
    }
}

impl Executed {
    /// A limit ended it: what it had written until then is no output.
    fn stopped(stderr: &[u8], limit: Limit) -> Self {
        let mut stderr = stderr.to_vec();
        stderr.extend_from_slice(
            format!("\nExecution error: the command exceeded its {} limit\n", limit.name()).as_bytes(),
        );
        Self { stdout: Vec::new(), stderr: stderr.into(), exit_code: NO_EXIT_CODE }
    }

    fn encode(&self) -> Encoded {
        let Self { stdout, stderr, exit_code } = self;
        Encoded { stdout: STANDARD.encode(stdout), stderr: STANDARD.encode(stderr), exit_code: *exit_code }
    }
}

/// A map of variables of which none is lost that is there twice: the whitelist refuses that.
#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Variables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of variables")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Variables, A::Error> {
                let mut variables = Vec::new();
                while let Some(variable) = map.next_entry()? {
                    variables.push(variable);
                }
                Ok(Variables(variables))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
