//! What the API server was asked, by whom: for tests that count requests.

mod event;
mod filter;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
pub use event::{AuditEvent, ObjectRef, ResponseStatus, User};
pub use filter::Filter;
use kube::Client;

use crate::wait::eventually;

/// Verbs that change objects.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// A place in the log, for counting only what comes after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

/// The audit log of an own control plane.
pub struct AuditLog {
    file: PathBuf,
    client: Client,
}

impl AuditLog {
    pub(crate) fn new(file: &Path, client: Client) -> Self {
        Self { file: file.to_owned(), client }
    }

    /// The end of the log: every request answered before this call is before it.
    pub async fn position(&self) -> Result<Position> {
        self.flush().await?;
        let size = self.file.metadata().with_context(|| format!("cannot read {}", self.file.display()))?.len();
        Ok(Position(size))
    }

    /// Requests that change objects and pass the filter: create, update, patch, delete, deletecollection.
    pub async fn writes(&self, since: Position, filter: &Filter) -> Result<Vec<AuditEvent>> {
        let requests = self.requests(since, filter).await?;
        Ok(requests.into_iter().filter(|event| WRITES.contains(&event.verb.as_str())).collect())
    }

    /// All requests that pass the filter, reads too, each of them once and when it was done (a watch when it ended).
    pub async fn requests(&self, since: Position, filter: &Filter) -> Result<Vec<AuditEvent>> {
        self.flush().await?;
        let text = self.read(since)?;
        let events = text.lines().map(|line| serde_json::from_str(line).context("not an audit event"));
        let events = events.collect::<Result<Vec<AuditEvent>>>()?;
        Ok(events.into_iter().filter(|event| event.is_complete() && filter.matches(event)).collect())
    }

    /// An answer may arrive before its line in the log does: sends a request of its own and waits for that one's line.
    async fn flush(&self) -> Result<()> {
        static MARKER: AtomicU64 = AtomicU64::new(0);
        let start = self.file.metadata().map(|file| file.len()).unwrap_or_default();
        let path = format!("/version?testbed-marker={}.{}", std::process::id(), MARKER.fetch_add(1, Ordering::Relaxed));
        let request = http::Request::get(&path).body(Vec::new()).context("not a request")?;
        self.client.request_text(request).await.context("the API server does not answer")?;
        let line_end = format!("\"requestURI\":\"{path}\"");
        eventually("the audit log to be written", Duration::from_secs(10), async || {
            ensure!(self.read(Position(start))?.contains(&line_end), "the marker request is not in it yet");
            Ok(())
        })
        .await
    }

    /// Whole lines from a position to the end.
    fn read(&self, since: Position) -> Result<String> {
        let mut file = File::open(&self.file).with_context(|| format!("cannot open {}", self.file.display()))?;
        file.seek(SeekFrom::Start(since.0))?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("cannot read {}", self.file.display()))?;
        // The last line may still be being written.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        Ok(text)
    }
}
