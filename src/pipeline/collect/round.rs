//! One round over everything that is stored, page by page.

use std::sync::Arc;
use std::time::SystemTime;

use super::decide::Window;
use super::pace::Pace;
use super::{CollectSettings, Incomplete, Overseer, Removed};
use crate::api::ObjectName;
use crate::storage::{ArtifactKey, Integrity, Page, Presence, Scope, Storage, StorageError, StoredArtifact};

/// Removals that fail in a row before nothing more of a page is removed: then it is not about single archives.
const FAILURES: usize = 16;

/// A round that did not end; the next one goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// Nothing more may be removed now.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// What is stored cannot be listed.
    #[error("what is stored cannot be listed: {0}")]
    List(#[source] StorageError),
    /// Nothing can be removed.
    #[error("{FAILURES} archives in a row could not be removed")]
    Remove,
}

/// What a round that ended came across.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Archives that were stored at its time.
    pub archives: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was removed.
    pub removed: Removed,
    /// Stores that never ended, of which the remains were removed.
    pub unfinished: usize,
    /// Archives that were read.
    pub verified: u64,
    /// Those of them that were damaged or missing.
    pub unsound: u64,
}

/// The state between the rounds: where to go on.
#[derive(Debug)]
pub struct Round {
    /// The last key of the last page that is done; `None` at the beginning of a round.
    after: Option<String>,
    /// When this round began.
    began: Option<SystemTime>,
    /// Up to when the rolling check is done.
    verified_to: SystemTime,
    /// The archives of one source, counted across pages.
    group: Option<(ObjectName, usize)>,
    failures: usize,
    summary: Summary,
}

/// What a round works with.
struct Tools<'a> {
    storage: &'a dyn Storage,
    presence: &'a Presence,
    overseer: &'a dyn Overseer,
    settings: &'a CollectSettings,
}

impl Round {
    /// The first round; the rolling check goes on from this moment.
    pub fn new(verified_to: SystemTime) -> Self {
        Self { after: None, began: None, verified_to, group: None, failures: 0, summary: Summary::default() }
    }

    /// Does a whole round, or the rest of the one that was given up.
    pub async fn run(
        &mut self,
        storage: &dyn Storage,
        presence: &Presence,
        overseer: &dyn Overseer,
        settings: &CollectSettings,
    ) -> Result<Summary, RoundError> {
        let tools = Tools { storage, presence, overseer, settings };
        if !overseer.is_complete().await {
            return Err(Incomplete.into());
        }
        let now = SystemTime::now();
        let began = *self.began.get_or_insert(now);
        let window = Window { from: self.verified_to, to: now, period: settings.verify_period };
        let (mut pace, mut gave_up) = (Pace::new(), false);
        match storage.remove_unfinished(settings.stale_after).await {
            Ok(count) => self.summary.unfinished += count,
            Err(error) => overseer.failed("sweep", &error),
        }
        loop {
            let listed = storage.list(Scope::All, self.after.as_deref()).await;
            let Page { entries, next } = listed.map_err(RoundError::List)?;
            self.failures = 0;
            self.page(&entries.into(), &tools, window, &mut pace).await?;
            gave_up |= self.is_stuck();
            self.after = next;
            if self.after.is_none() {
                break;
            }
            pace.rest().await;
        }
        self.end_group(&tools);
        self.verify_advertised(&tools, window, &mut pace).await;
        let summary = self.summary;
        *self = Self::new(began);
        if gave_up { Err(RoundError::Remove) } else { Ok(summary) }
    }

    async fn page(
        &mut self,
        entries: &Arc<[StoredArtifact]>,
        tools: &Tools<'_>,
        window: Window,
        pace: &mut Pace,
    ) -> Result<(), RoundError> {
        self.remove_orphans(entries, tools, pace).await?;
        self.verify_others(entries, tools, window, pace).await?;
        self.count(entries, tools);
        Ok(())
    }

    async fn remove_orphans(
        &mut self,
        entries: &Arc<[StoredArtifact]>,
        tools: &Tools<'_>,
        pace: &mut Pace,
    ) -> Result<(), RoundError> {
        let mut from = 0;
        while from < entries.len() && !self.is_stuck() {
            let (next, removed) = tools.overseer.remove_orphans(entries, from).await?;
            from = next.max(from + 1);
            self.count_removed(removed);
            pace.rest().await;
        }
        Ok(())
    }

    /// What cannot be removed must not keep the rest from its turn: to be counted, and to be verified.
    fn is_stuck(&self) -> bool {
        self.failures >= FAILURES
    }

    fn count_removed(&mut self, removed: Removed) {
        self.summary.removed += removed;
        self.failures = if removed.removed > 0 { 0 } else { self.failures + removed.failed };
    }

    /// Counts the archives, and the revisions of each source, which follow one another.
    fn count(&mut self, entries: &[StoredArtifact], tools: &Tools<'_>) {
        for entry in entries {
            self.summary.archives += 1;
            self.summary.bytes += entry.size;
            match &mut self.group {
                Some((source, count)) if source == entry.key.source() => *count += 1,
                _ => {
                    self.end_group(tools);
                    self.group = Some((entry.key.source().clone(), 1));
                }
            }
        }
    }

    fn end_group(&mut self, tools: &Tools<'_>) {
        if let Some((source, count)) = self.group.take()
            && count > tools.settings.records
            && tools.overseer.is_watched(&source.namespace)
        {
            tools.overseer.retire(&source);
        }
    }

    /// Reads those whose turn it is of the archives that nobody advertises: old revisions, which consumers may still
    /// ask for.
    async fn verify_others(
        &mut self,
        entries: &[StoredArtifact],
        tools: &Tools<'_>,
        window: Window,
        pace: &mut Pace,
    ) -> Result<(), RoundError> {
        for key in entries.iter().map(|entry| &entry.key) {
            if tools.presence.is_advertised(key)
                || !window.holds(key)
                || !tools.overseer.is_watched(&key.source().namespace)
            {
                continue;
            }
            if self.verify(key, tools).await == Some(Integrity::Damaged) {
                self.summary.unsound += 1;
                if !self.is_stuck() {
                    let removed = tools.overseer.remove_damaged(key).await?;
                    self.count_removed(removed);
                }
            }
            pace.rest().await;
        }
        Ok(())
    }

    /// Reads those whose turn it is of the archives that are advertised, be they stored or not.
    async fn verify_advertised(&mut self, tools: &Tools<'_>, window: Window, pace: &mut Pace) {
        for key in tools.presence.all_advertised(|key| window.holds(key)) {
            if let Some(found @ (Integrity::Damaged | Integrity::Absent)) = self.verify(&key, tools).await {
                self.summary.unsound += 1;
                tools.overseer.rebuild(&key, found);
            }
            pace.rest().await;
        }
    }

    async fn verify(&mut self, key: &ArtifactKey, tools: &Tools<'_>) -> Option<Integrity> {
        match tools.storage.verify(key).await {
            Ok(found) => {
                self.summary.verified += 1;
                tools.overseer.verified(found);
                Some(found)
            }
            Err(error) => {
                tools.overseer.failed("verify", &error);
                None
            }
        }
    }
}
