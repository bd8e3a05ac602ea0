//! The collector's questions to the supervisor.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ractor::rpc::CallResult;
use ractor::{ActorRef, RpcReplyPort};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tell;
use crate::actors::context::Context;
use crate::actors::supervisor::SupervisorMsg;
use crate::api::ObjectName;
use crate::pipeline::collect::{Incomplete, Overseer, Removal, Removed};
use crate::storage::{ArtifactKey, Integrity, StorageError, StoredArtifact};

/// Longest time that the supervisor may take for an answer; it needs a millisecond.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One question, or one finding.
pub enum Ask {
    /// Are all objects known?
    IsComplete {
        /// Answered at once.
        reply_to: RpcReplyPort<bool>,
    },
    /// Submit the removal of the orphans of some sources of this page.
    RemoveOrphans {
        /// Archives, sorted by key.
        page: Arc<[StoredArtifact]>,
        /// The number of the first one that matters.
        from: usize,
        /// Where the results go.
        job: Job,
        /// The number of the first one that was not looked at; `None` when not all objects are known.
        reply_to: RpcReplyPort<Option<usize>>,
    },
    /// Submit the removal of an archive that was found damaged, unless it is advertised.
    RemoveDamaged {
        /// The archive.
        key: ArtifactKey,
        /// Where the result goes.
        job: Job,
        /// False when not all objects are known.
        reply_to: RpcReplyPort<bool>,
    },
    /// Tell the source of this archive what became of it.
    Rebuild {
        /// The archive.
        key: ArtifactKey,
        /// What was found.
        found: Integrity,
    },
    /// Tell this source to look at its revisions.
    Retire {
        /// The source.
        source: ObjectName,
    },
}

/// What a removal needs beside its archive. Its results have all arrived when every clone is dropped.
#[derive(Clone)]
pub struct Job {
    /// Whoever waits for the results is gone, and with it the right to remove.
    pub stop: CancellationToken,
    results: UnboundedSender<Removal>,
}

impl Job {
    /// Passes on what came of a removal that was due because of `why`.
    pub fn tell(&self, why: &'static str, removal: Removal) {
        tell::removal(why, &removal);
        let _ = self.results.send(removal);
    }
}

/// The supervisor as the collector's overseer.
pub(super) struct Asking {
    context: Arc<Context>,
    supervisor: ActorRef<SupervisorMsg>,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Asking {
    pub(super) fn new(context: Arc<Context>, supervisor: ActorRef<SupervisorMsg>) -> Self {
        let stop = CancellationToken::new();
        Self { context, supervisor, stop: stop.clone(), _stop: stop.drop_guard() }
    }

    async fn ask<T: Send + 'static>(&self, ask: impl FnOnce(RpcReplyPort<T>) -> Ask + Send) -> Option<T> {
        let message = |reply_to| SupervisorMsg::Collector(ask(reply_to));
        match self.supervisor.call(message, Some(ANSWER_TIMEOUT)).await {
            Ok(CallResult::Success(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Has removals submitted and waits for all of them, also for those that get lost.
    async fn remove<T: Send + 'static>(
        &self,
        ask: impl FnOnce(Job, RpcReplyPort<T>) -> Ask + Send,
    ) -> Option<(T, Removed)> {
        let (results, mut removals) = unbounded_channel();
        let job = Job { stop: self.stop.clone(), results };
        let answer = self.ask(|reply_to| ask(job, reply_to)).await?;
        let mut removed = Removed::default();
        while let Some(removal) = removals.recv().await {
            removed.count(&removal);
        }
        Some((answer, removed))
    }
}

#[async_trait]
impl Overseer for Asking {
    async fn is_complete(&self) -> bool {
        self.ask(|reply_to| Ask::IsComplete { reply_to }).await == Some(true)
    }

    fn is_watched(&self, namespace: &str) -> bool {
        self.context.catalog.is_watched(namespace)
    }

    async fn remove_orphans(&self, page: &Arc<[StoredArtifact]>, from: usize) -> Result<(usize, Removed), Incomplete> {
        let page = Arc::clone(page);
        let answer = self.remove(move |job, reply_to| Ask::RemoveOrphans { page, from, job, reply_to }).await;
        match answer {
            Some((Some(next), removed)) => Ok((next, removed)),
            _ => Err(Incomplete),
        }
    }

    async fn remove_damaged(&self, key: &ArtifactKey) -> Result<Removed, Incomplete> {
        let key = key.clone();
        let answer = self.remove(move |job, reply_to| Ask::RemoveDamaged { key, job, reply_to }).await;
        match answer {
            Some((true, removed)) => Ok(removed),
            _ => Err(Incomplete),
        }
    }

    fn rebuild(&self, key: &ArtifactKey, found: Integrity) {
        tell::unsound(key, found);
        let _ = self.supervisor.cast(SupervisorMsg::Collector(Ask::Rebuild { key: key.clone(), found }));
    }

    fn retire(&self, source: &ObjectName) {
        let _ = self.supervisor.cast(SupervisorMsg::Collector(Ask::Retire { source: source.clone() }));
    }

    fn verified(&self, found: Integrity) {
        tell::verified(found);
    }

    fn failed(&self, operation: &'static str, error: &StorageError) {
        tell::failed(operation, error);
    }
}
