//! What every source is doing right now, for people and for metrics: written by the source's actor, read by the live
//! view, the metrics endpoint and the status page. Nothing is decided from it.

use std::sync::Arc;

use dashmap::DashMap;
use k8s_openapi::jiff::Timestamp;

use crate::api::ObjectName;
use crate::generators::Progress;

/// What a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Waiting for its turn.
    #[default]
    Queued,
    /// Running hooks, a transformation or assertions, or waiting for a hook's next try.
    Hooks,
    /// Asking the origin.
    Fetching,
    /// Building the archive.
    Packaging,
    /// Storing the archive.
    Storing,
    /// Writing the objects.
    Publishing,
    /// Advertised and current.
    Ready,
    /// The last run failed; another one is due.
    Failing,
    /// Waits for an edit of the spec.
    Stalled,
    /// Suspended by the user.
    Suspended,
}

/// A snapshot of one source.
#[derive(Debug, Clone, Default)]
pub struct SourceActivity {
    /// What it is doing.
    pub state: State,
    /// Status of its Ready condition ("True", "False", "Unknown"); `None` before the first run.
    pub ready: Option<bool>,
    /// Type of its generator.
    pub kind: String,
    /// The advertised revision.
    pub revision: Option<String>,
    /// Size of the advertised archive in bytes.
    pub size: Option<u64>,
    /// Where it is served.
    pub url: Option<String>,
    /// When the origin was last asked.
    pub last_fetch: Option<Timestamp>,
    /// When the next run is due.
    pub next_run: Option<Timestamp>,
    /// Message of the last failure, while it lasts.
    pub error: Option<String>,
    /// The download under way.
    pub progress: Option<Arc<Progress>>,
    /// Runs that ended well, since this process took the source on.
    pub runs_succeeded: u64,
    /// Runs that failed, since this process took the source on.
    pub runs_failed: u64,
}

/// All sources.
#[derive(Debug, Default)]
pub struct Activities {
    sources: DashMap<ObjectName, Arc<SourceActivity>>,
    changed: tokio::sync::watch::Sender<u64>,
}

impl Activities {
    /// Replaces the snapshot of `source`, but not its counts.
    pub fn update(&self, source: &ObjectName, activity: SourceActivity) {
        let mut entry = self.sources.entry(source.clone()).or_default();
        let (runs_succeeded, runs_failed) = (entry.runs_succeeded, entry.runs_failed);
        *entry = Arc::new(SourceActivity { runs_succeeded, runs_failed, ..activity });
        drop(entry);
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Counts a run of `source` that ended.
    pub fn count(&self, source: &ObjectName, success: bool) {
        let mut entry = self.sources.entry(source.clone()).or_default();
        let activity = Arc::make_mut(&mut entry);
        if success {
            activity.runs_succeeded += 1;
        } else {
            activity.runs_failed += 1;
        }
    }

    /// Forgets `source`.
    pub fn remove(&self, source: &ObjectName) {
        self.sources.remove(source);
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// All snapshots, sorted by name.
    pub fn all(&self) -> Vec<(ObjectName, Arc<SourceActivity>)> {
        let mut all: Vec<_> =
            self.sources.iter().map(|entry| (entry.key().clone(), Arc::clone(entry.value()))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Changes whenever a snapshot does.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
