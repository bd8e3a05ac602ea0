//! Asks the sidecar: one connection per command, which ends with it and ends it.

mod answer;
mod connection;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http::header::{CONTENT_LENGTH, HOST, TE};
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::connection::Connection;
use super::wire::{self, Health};
use super::{Command, Endpoint, Executor, ExecutorError, PATIENCE};
use crate::sandbox::WRAPPER_GRACE;
use crate::spool::{Spool, Spools};
use crate::transform::{Program, frame};

/// How long the sidecar may take beyond the command's own limit and its turn: to start it, to kill what it left behind,
/// and to say so. It knows within the grace of its wrappers, and has the rest for saying it.
const SLACK: Duration = WRAPPER_GRACE.saturating_add(Duration::from_secs(15));

/// How long it may take to say how it is.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the sidecar is, and what it is asked for.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Time limit of a command that names none.
    pub default_timeout: Duration,
    /// Time limit of a transformation.
    pub transform_timeout: Duration,
    /// Commands asked for at once, and transformations beside them.
    pub max_concurrent: usize,
    /// Most bytes of output that are kept.
    pub max_output: u64,
}

/// The sidecar.
pub struct Remote {
    settings: RemoteSettings,
    /// Commands may take minutes; what takes moments does not stand in line behind them.
    commands: Semaphore,
    transformations: Semaphore,
}

/// What is sent: a spool, perhaps with something in front of it.
type Body = StreamBody<BoxStream<'static, std::io::Result<Frame<Bytes>>>>;

impl Remote {
    /// The sidecar at this endpoint; nothing is asked yet.
    pub fn new(settings: RemoteSettings) -> Self {
        let turns = || Semaphore::new(settings.max_concurrent.min(Semaphore::MAX_PERMITS));
        Self { commands: turns(), transformations: turns(), settings }
    }

    /// How the sidecar is.
    pub async fn report(&self) -> Result<Health, ExecutorError> {
        let asked = async {
            let request = Request::get("/health").header(HOST, "localhost");
            let request = request.body(body(None, None)).map_err(|error| unavailable(&error))?;
            let mut connection = Connection::open(&self.settings.endpoint).await?;
            let answer = connection.send(request).await?;
            if answer.status() != StatusCode::OK {
                return Err(answer::refused(answer).await);
            }
            answer::json(answer.into_body()).await.ok_or_else(|| unavailable(&"it answers something else"))
        };
        timeout(HEALTH_TIMEOUT, asked).await.unwrap_or_else(|_| Err(unavailable(&"it does not answer in time")))
    }

    /// Sends a request and keeps the output.
    async fn ask(
        &self,
        turns: &Semaphore,
        request: http::request::Builder,
        body: Body,
        limit: Duration,
        spools: &Spools,
    ) -> Result<Spool, ExecutorError> {
        // The semaphore is never closed.
        let _turn = turns.acquire().await.map_err(|error| unavailable(&error))?;
        let request = request.header(HOST, "localhost").header(TE, "trailers").body(body);
        let request = request.map_err(|error| unavailable(&error))?;
        let asked = async {
            let mut connection = Connection::open(&self.settings.endpoint).await?;
            let answer = connection.send(request).await?;
            answer::output(answer, spools, self.settings.max_output).await
        };
        // The sidecar keeps to the limit; this is for one that does not answer at all.
        let longest = limit.saturating_add(PATIENCE).saturating_add(SLACK);
        timeout(longest, asked).await.unwrap_or_else(|_| Err(unavailable(&"it does not answer in time")))
    }
}

#[async_trait]
impl Executor for Remote {
    async fn run(&self, command: &Command, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError> {
        let limit = command.timeout.unwrap_or(self.settings.default_timeout);
        let command = Command { timeout: Some(limit), ..command.clone() };
        let Some(value) = wire::command_value(&command) else {
            return Err(ExecutorError::Invalid("arguments and variables are too long together".into()));
        };
        let request = Request::post("/v1/run").header(wire::COMMAND, value).header(CONTENT_LENGTH, input.len());
        self.ask(&self.commands, request, body(None, Some(input)), limit, spools).await
    }

    async fn transform(&self, program: &Program, input: &Spool, spools: &Spools) -> Result<Spool, ExecutorError> {
        let limit = self.settings.transform_timeout;
        let prefix = Bytes::from(frame::prefix(program)?);
        let length = prefix.len() as u64 + input.len();
        let request = Request::post("/v1/transform")
            .header(wire::TIMEOUT, wire::timeout_text(limit))
            .header(CONTENT_LENGTH, length);
        self.ask(&self.transformations, request, body(Some(prefix), Some(input)), limit, spools).await
    }

    async fn health(&self) -> Result<Option<String>, ExecutorError> {
        Ok(self.report().await?.whitelist)
    }
}

fn body(prefix: Option<Bytes>, spool: Option<&Spool>) -> Body {
    let prefix = stream::iter(prefix.map(Ok));
    let spool = spool.map_or_else(|| stream::empty().boxed(), |spool| spool.stream(None));
    StreamBody::new(prefix.chain(spool).map(|chunk| chunk.map(Frame::data)).boxed())
}

fn unavailable(why: &dyn std::fmt::Display) -> ExecutorError {
    ExecutorError::Unavailable(why.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_sidecar_that_says_nothing_has_the_time_in_which_it_would_have_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let silent = tokio::spawn(async move {
            let _held = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        });
        let limit = Duration::from_secs(7);
        let remote = Remote::new(RemoteSettings {
            endpoint: Endpoint::Unix(path),
            default_timeout: limit,
            transform_timeout: limit,
            max_concurrent: 1,
            max_output: 0,
        });
        let command = Command { name: "cat".to_owned(), args: Vec::new(), env: Vec::new(), timeout: None };
        let (started, spools) = (Instant::now(), Spools::new(1 << 10, folder.path()));
        let error = remote.run(&command, &Spools::from_bytes(""), &spools).await.unwrap_err();
        assert!(matches!(&error, ExecutorError::Unavailable(why) if why.contains("in time")), "{error}");
        assert!(started.elapsed() > limit + PATIENCE + WRAPPER_GRACE, "{:?}", started.elapsed());
        silent.abort();
    }
}
