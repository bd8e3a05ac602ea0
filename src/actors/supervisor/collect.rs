//! What the garbage collector asks of who knows all objects. Removals are submitted here, in the same step as they are
//! decided, so that they come before all that a source which appears later does with its archives.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Fixed, SupervisorState};
use crate::actors::collector::{Ask, Job};
use crate::api::ObjectName;
use crate::pipeline::collect::{self, Claims};
use crate::storage::{ArtifactKey, StoredArtifact};
use crate::telemetry::outages::Dependency;

/// Sources whose archives are removed at once: half of the storage's workers, the others stay for the runs.
const SOURCES_AT_ONCE: usize = 4;

impl SupervisorState {
    pub(super) fn on_collector(&mut self, ask: Ask) {
        match ask {
            Ask::IsComplete { reply_to } => drop(reply_to.send(self.sees_everything())),
            Ask::RemoveOrphans { page, from, job, reply_to } => {
                let next = self.sees_everything().then(|| self.remove_orphans(&page, from, &job));
                let _ = reply_to.send(next);
            }
            Ask::RemoveDamaged { key, job, reply_to } => {
                let complete = self.sees_everything();
                if complete {
                    self.remove_damaged(key, job);
                }
                let _ = reply_to.send(complete);
            }
            Ask::Rebuild { key, found } => self.sources.rebuild(key, found),
            Ask::Retire { source } => self.sources.retire(&source),
        }
    }

    /// Whether every object is known as it is now, and removing is our business.
    fn sees_everything(&self) -> bool {
        let is_watching = self.leading && !self.stopping && self.fixed.get(Fixed::Watcher).is_some();
        let context = &self.args.context;
        is_watching
            && self.sources.is_synced()
            && context.presence.is_complete()
            && !context.outages.is_away(Dependency::ApiServer)
    }

    /// Submits the removal of the orphans of a few sources; the number of the first archive that was not looked at.
    fn remove_orphans(&self, page: &[StoredArtifact], from: usize, job: &Job) -> usize {
        let now = SystemTime::now();
        let (mut at, mut sources) = (from, 0);
        while let Some(first) = page.get(at) {
            let source = first.key.source();
            let revisions: Vec<_> = page[at..].iter().take_while(|stored| stored.key.source() == source).collect();
            at += revisions.len();
            let stale_after = self.args.context.settings.collect.stale_after;
            let is_orphan =
                |stored: &&StoredArtifact| collect::is_orphan(stored, self.claims(&stored.key), now, stale_after);
            let orphans: Vec<_> = revisions.into_iter().filter(is_orphan).map(|stored| stored.key.clone()).collect();
            if orphans.is_empty() {
                continue;
            }
            self.submit_orphans(source, orphans, job.clone());
            sources += 1;
            if sources == SOURCES_AT_ONCE {
                break;
            }
        }
        at
    }

    fn claims(&self, key: &ArtifactKey) -> Claims {
        Claims {
            is_watched: self.args.context.catalog.is_watched(&key.source().namespace),
            has_source: self.sources.knows(key.source()),
            is_named: self.sources.is_named(key),
        }
    }

    fn submit_orphans(&self, source: &ObjectName, orphans: Vec<ArtifactKey>, job: Job) {
        let storage = Arc::clone(&self.args.context.storage);
        let work = async move {
            let tell = |removal| job.tell("orphan", removal);
            collect::remove_orphans(storage.as_ref(), orphans, &job.stop, tell).await;
        };
        self.args.context.pools.storage.submit(source.clone(), Box::pin(work));
    }

    fn remove_damaged(&self, key: ArtifactKey, job: Job) {
        let claims = self.claims(&key);
        let is_advertised = self.args.context.presence.is_advertised(&key);
        if !claims.is_watched || claims.is_named || is_advertised {
            return;
        }
        let storage = Arc::clone(&self.args.context.storage);
        let source = key.source().clone();
        let work = async move {
            if let Some(removal) = collect::remove_damaged(storage.as_ref(), key, &job.stop).await {
                job.tell("damaged", removal);
            }
        };
        self.args.context.pools.storage.submit(source, Box::pin(work));
    }
}
