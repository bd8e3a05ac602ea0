//! The start: what stands in the objects is compared with what is stored.

use std::time::Duration;

use super::settle::{Next, Settlement};
use super::{Effect, Machine, Now, Phase};
use crate::api::conditions::{self, reasons, types};
use crate::api::{Artifact, ObjectName};
use crate::failure::Failure;
use crate::generators::Validators;
use crate::pipeline::fetch::Advertised;
use crate::storage::ArtifactKey;

impl Machine {
    /// After a start: bytes that are there and a status that is well cost no request before the next interval.
    pub(super) fn on_verified(&mut self, result: Result<Option<String>, Failure>, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Verifying(key) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let is_ahead = self.ahead().is_some_and(|ahead| ahead.key == key);
        if !is_ahead && self.advertised_key().as_ref() != Some(&key) {
            // Somebody wrote the status meanwhile: what was found out speaks of something else.
            return self.start(now, effects);
        }
        if let Ok(stored_at) = &result {
            self.note_stored(stored_at.is_some(), now, effects);
        }
        let stored_at = result.unwrap_or_default();
        if !is_ahead {
            self.retire(effects);
        }
        if self.is_paused() {
            return self.take_back_progress(now, effects);
        }
        if is_ahead {
            return self.catch_up(stored_at, now, effects);
        }
        // The run that a predecessor of ours reported is not going to end.
        if self.shows_progress() {
            return self.start(now, effects);
        }
        if self.look_for_work(now, effects) {
            return;
        }
        let status = self.source.status.as_ref();
        let is_ready = status.is_some_and(|status| conditions::is_true(&status.conditions, types::READY));
        match (stored_at, self.interval()) {
            (Some(url), Ok(interval)) if is_ready => {
                // Anywhere in the interval, so that a restart does not ask all origins at once.
                let delay = interval.effective.mul_f64(self.random.f64());
                self.wake_in(delay, now, effects);
                if self.current_artifact().is_some_and(|artifact| artifact.url != url) {
                    self.move_to(url, now, effects);
                }
            }
            _ => self.start(now, effects),
        }
    }

    /// What the ExternalArtifact advertises and the source's status does not know: a crash fell between the two writes,
    /// of which the ExternalArtifact's is the first. Consumers may have it already, so that there is no way back.
    pub(super) fn ahead(&self) -> Option<Advertised> {
        let (artifact, key) = self.artifact_ahead()?;
        let size = artifact.size.and_then(|size| u64::try_from(size).ok());
        Some(Advertised {
            key,
            size,
            validators: Validators::default(),
            fingerprint: None,
            input: None,
            generation: None,
        })
    }

    fn artifact_ahead(&self) -> Option<(&Artifact, ArtifactKey)> {
        let artifact = self.artifact()?.status.as_ref()?.artifact.as_ref()?;
        let known = self.current_artifact();
        let is_news = known.is_none_or(|known| {
            known.digest != artifact.digest && known.last_update_time.0 <= artifact.last_update_time.0
        });
        let key: ArtifactKey = artifact.path.parse().ok()?;
        let is_ours =
            *key.source() == ObjectName::of(self.source.as_ref()) && key.digest().prefixed() == artifact.digest;
        (is_news && is_ours).then_some((artifact, key))
    }

    /// Takes what the ExternalArtifact advertises into the status, and asks the origin what is the case now.
    fn catch_up(&mut self, stored_at: Option<String>, now: Now, effects: &mut Vec<Effect>) {
        let Some((artifact, _)) = self.artifact_ahead() else { return self.start(now, effects) };
        let mut artifact = artifact.clone();
        if let Some(url) = stored_at {
            artifact.url = url;
        }
        let report = self.caught_up_report(artifact);
        self.settle(Settlement::new(report, Vec::new(), Next::After(Duration::ZERO)), now, effects);
    }

    /// The same bytes are served under another address than before the restart.
    fn move_to(&mut self, url: String, now: Now, effects: &mut Vec<Effect>) {
        let mut report = self.current_report();
        if let Some(artifact) = &mut report.artifact {
            artifact.url = url;
        }
        self.settle(Settlement::new(report, Vec::new(), Next::Kept), now, effects);
    }

    /// Whether the status says that a run is under way.
    pub(super) fn shows_progress(&self) -> bool {
        let conditions = self.source.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        conditions::find(conditions, types::RECONCILING)
            .is_some_and(|reconciling| reconciling.reason == reasons::PROGRESSING)
    }

    /// Nothing is under way, whatever was reported.
    pub(super) fn take_back_progress(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.shows_progress() && self.source.metadata.deletion_timestamp.is_none() {
            self.republish(now, effects);
        }
    }
}
