//! Brings a body into a spool: decoded, bounded on the wire and after decoding, and only if it is complete.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use reqwest::Response;
use tokio::io::AsyncBufReadExt as _;
use tokio::time::Instant;
use tokio_util::io::StreamReader;

use super::decode::{self, Coding, Reader};
use super::errors::HttpError;
use crate::generators::Progress;
use crate::spool::{Spool, Spools};

/// How long a body may be as slow as it likes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes per second that a longer body must reach on average. There is no limit for the whole body, but an origin that
/// drips would hold a worker for ever, and a few of them all workers.
const PACE: u64 = 1024;

/// The limits of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Largest body in bytes, on the wire and decoded.
    pub(super) size: u64,
    /// Longest wait for more data.
    pub(super) wait: Duration,
}

/// Reads the whole body of `response`. A body that is cut off is an error, never a shorter body: HTTP frames it
/// (`Content-Length`, chunks, HTTP/2 streams), and the client checks the frame.
pub(super) async fn receive(
    response: Response,
    codings: &[Coding],
    limits: Limits,
    spools: &Spools,
    progress: &Progress,
) -> Result<Spool, HttpError> {
    if let Some(announced) = response.content_length() {
        if announced > limits.size {
            return Err(HttpError::TooLarge { limit: limits.size, decoded: false });
        }
        progress.expect(announced);
    }
    let wire = Wire { response, received: 0, started: Instant::now(), limits, progress };
    let chunks = stream::try_unfold(wire, Wire::next).map_err(io::Error::other);
    let reader: Reader<'_> = Box::pin(StreamReader::new(Box::pin(chunks)));
    let mut reader = decode::decode(reader, codings).await.map_err(read_error)?;
    let mut writer = spools.writer();
    loop {
        let chunk = reader.fill_buf().await.map_err(read_error)?;
        let len = chunk.len();
        if len == 0 {
            break;
        }
        if writer.len() + len as u64 > limits.size {
            return Err(HttpError::TooLarge { limit: limits.size, decoded: !codings.is_empty() });
        }
        writer.write(chunk).await.map_err(|error| spool_error(&error))?;
        reader.consume(len);
        // A few kilobytes may inflate to hundreds of megabytes without ever waiting for the network.
        tokio::task::consume_budget().await;
    }
    writer.finish().await.map_err(|error| spool_error(&error))
}

/// The body as it comes over the wire.
struct Wire<'a> {
    response: Response,
    received: u64,
    started: Instant,
    limits: Limits,
    progress: &'a Progress,
}

impl Wire<'_> {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, HttpError> {
        let Limits { size, wait } = self.limits;
        let chunk = tokio::time::timeout(wait, self.response.chunk())
            .await
            .map_err(|_| HttpError::Timeout { waited_for: "more data", limit: wait })?
            .map_err(|_| HttpError::Truncated)?;
        let Some(chunk) = chunk else { return Ok(None) };
        self.received += chunk.len() as u64;
        self.progress.advance(chunk.len() as u64);
        if self.received > size {
            return Err(HttpError::TooLarge { limit: size, decoded: false });
        }
        if is_too_slow(self.received, self.started.elapsed()) {
            return Err(HttpError::TooSlow { pace: PACE });
        }
        Ok(Some((chunk, self)))
    }
}

fn is_too_slow(received: u64, elapsed: Duration) -> bool {
    elapsed > PATIENCE && received < PACE.saturating_mul(elapsed.as_secs())
}

/// Our own errors come through the decoders as they are; all others are the decoders'.
fn read_error(error: io::Error) -> HttpError {
    error.downcast::<HttpError>().unwrap_or(HttpError::InvalidEncoding)
}

fn spool_error(error: &io::Error) -> HttpError {
    HttpError::Spool { kind: error.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_drip_is_too_slow() {
        let table = [
            (1, 60, false),
            (1, 61, true),
            (61 * 1024, 61, false),
            (61 * 1024 - 1, 61, true),
            (256 << 20, 24 * 3600, false),
            (0, u64::MAX, true),
        ];
        for (received, seconds, expected) in table {
            assert_eq!(is_too_slow(received, Duration::from_secs(seconds)), expected, "{received} in {seconds} s");
        }
    }
}
