//! The rolling check found the advertised archive to be damaged or gone: it is made anew, and the advertisement stays.

use super::{Effect, Machine, Now, Phase};
use crate::api::conditions::reasons;
use crate::catalog::EventType;
use crate::storage::{ArtifactKey, Integrity};

impl Machine {
    pub(super) fn on_unsound(&mut self, key: &ArtifactKey, found: Integrity, now: Now, effects: &mut Vec<Effect>) {
        // What is known to be missing is being made anew already, as often as its failures allow.
        if self.advertised_key().as_ref() != Some(key) || self.unsound.is_some() || self.missing_since.is_some() {
            return;
        }
        let what = match found {
            Integrity::Sound => return,
            Integrity::Damaged => "damaged",
            Integrity::Absent => "missing",
        };
        self.unsound = Some(found);
        // A run that is under way may have found it out by itself, and speaks for itself.
        if !matches!(self.phase, Phase::Running(_)) {
            let then = if self.is_paused() { "a run has to make it anew" } else { "it is made anew" };
            let message = format!("the stored archive of the advertised artifact is {what}; {then}");
            effects.push(Effect::Tell(EventType::Warning, reasons::STORAGE_OPERATION_FAILED, message));
        }
        if matches!(self.phase, Phase::Idle) {
            self.look_for_work(now, effects);
        }
    }
}
