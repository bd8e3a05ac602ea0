//! New states of the objects: what they change, and when they start a run.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt as _;

use super::{Effect, Machine, Now, PEACE_AFTER, Phase, Repairs, Timer, Work};
use crate::api::{ExternalArtifact, LEGACY_FINALIZER, ObjectName, conditions};
use crate::catalog::{self, ObservedSource, is_in_shape};
use crate::generators::Validators;
use crate::pipeline::fetch::Advertised;
use crate::pipeline::publish::artifact_status;
use crate::storage::ArtifactKey;

impl Machine {
    pub(super) fn on_observed(&mut self, observed: ObservedSource, now: Now, effects: &mut Vec<Effect>) {
        if !is_newer(observed.object.as_ref(), self.source.as_ref()) {
            return;
        }
        self.invalid = observed.invalid;
        self.source = observed.object;
        self.check_finalizer(effects);
        let outdated = match &self.phase {
            Phase::Running(run) => self.is_paused() || run.generation() != self.generation(),
            // A write that is under way ends soon; one that waits for its next try may wait for minutes.
            Phase::Publishing(settlement) => {
                settlement.is_waiting && !self.is_paused() && settlement.report.generation != self.generation()
            }
            Phase::Verifying(_) | Phase::Idle => false,
        };
        if outdated {
            self.give_up(now, effects);
        } else if matches!(self.phase, Phase::Idle) {
            self.look_for_work(now, effects);
        }
    }

    pub(super) fn on_artifact_observed(
        &mut self,
        artifact: Option<Arc<ExternalArtifact>>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if let (Some(new), Some(known)) = (&artifact, &self.artifact)
            && !is_newer(new.as_ref(), known.as_ref())
        {
            return;
        }
        let was_foreign = self.foreign_artifact().is_some();
        let uid = |artifact: &Option<Arc<ExternalArtifact>>| artifact.as_ref().and_then(|artifact| artifact.uid());
        let (before, after) = (uid(&self.artifact), uid(&artifact));
        if before.is_some() && before != after {
            self.gone = before;
        } else if after.is_some() && self.gone == after {
            self.gone = None;
        }
        self.artifact = artifact;
        self.unblocked |= was_foreign && self.foreign_artifact().is_none();
        if matches!(self.phase, Phase::Idle) {
            self.look_for_work(now, effects);
        }
    }

    /// Takes the answer to our own write, unless the watch was faster with something newer: an edit, a request or a
    /// deletion that came meanwhile must not be forgotten, because nobody tells it again.
    pub(super) fn adopt_artifact(&mut self, written: Arc<ExternalArtifact>) {
        let is_gone = written.uid().is_some() && written.uid() == self.gone;
        if !is_gone {
            self.artifact = Some(match &self.artifact {
                Some(known) => newer(written, known),
                None => written,
            });
        }
    }

    /// Starts what is due, if anything; otherwise leaves the timers alone.
    pub(super) fn look_for_work(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        if self.is_paused() {
            effects.push(Effect::Clear(Timer::Wake));
            self.next_run = None;
            return false;
        }
        let is_requested = self.source_token().is_some() || self.artifact_token().is_some();
        if is_requested || self.unblocked || self.unsound.is_some() || self.settled != self.generation() {
            self.start(now, effects);
            return true;
        }
        if self.shows_progress() {
            // The answer to our report was lost, but not the report.
            self.take_back_progress(now, effects);
            return true;
        }
        if self.has_drifted(now) {
            let delay = self.repair_delay(now);
            effects.push(Effect::Set(Timer::Repair, delay));
        }
        false
    }

    /// At once, unless somebody fights us.
    fn repair_delay(&mut self, now: Now) -> Duration {
        match &mut self.repairs {
            Some(repairs) if now.elapsed.saturating_sub(repairs.last) < PEACE_AFTER => {
                self.policy.retry.delay(repairs.count, self.random.f64())
            }
            repairs => {
                *repairs = None;
                Duration::ZERO
            }
        }
    }

    pub(super) fn on_repair_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) && !self.is_paused() && self.has_drifted(now) {
            let count = self.repairs.as_ref().map_or(1, |repairs| repairs.count.saturating_add(1));
            self.repairs = Some(Repairs { count, last: now.elapsed });
            self.republish(now, effects);
        }
    }

    /// Whether the ExternalArtifact is not what the source's status says it is.
    fn has_drifted(&self, now: Now) -> bool {
        let Some(status) = &self.source.status else { return false };
        let Some(ready) = conditions::find(&status.conditions, conditions::types::READY) else { return false };
        if self.foreign_artifact().is_some() {
            return false;
        }
        match &self.artifact {
            None => status.artifact.is_some(),
            Some(artifact) => {
                !is_in_shape(artifact, &self.source)
                    || artifact.status.as_ref()
                        != Some(&artifact_status(artifact, status.artifact.as_ref(), ready, now.wall))
            }
        }
    }

    pub(super) fn is_ours(&self, artifact: &ExternalArtifact) -> bool {
        catalog::is_artifact_of(artifact, &ObjectName::of(self.source.as_ref()))
    }

    /// An ExternalArtifact of our name that belongs to somebody else.
    pub(super) fn foreign_artifact(&self) -> Option<&Arc<ExternalArtifact>> {
        self.artifact.as_ref().filter(|artifact| !self.is_ours(artifact))
    }

    pub(super) fn check_finalizer(&mut self, effects: &mut Vec<Effect>) {
        if self.source.finalizers().iter().any(|finalizer| finalizer == LEGACY_FINALIZER) {
            effects.push(Effect::Start(self.attempt, Work::RemoveFinalizer));
        }
    }

    pub(super) fn on_finalizer_removed(&mut self, removed: bool, effects: &mut Vec<Effect>) {
        if !removed {
            effects.push(Effect::Set(Timer::Finalizer, self.policy.retry.delay(4, self.random.f64())));
        }
    }

    /// What the source's status advertises, with the newest validators known for it.
    pub(super) fn advertised(&self) -> Option<Advertised> {
        let status = self.source.status.as_ref()?;
        let artifact = status.artifact.as_ref()?;
        let moved = self.moved.as_ref().filter(|moved| moved.revision == artifact.revision);
        Some(Advertised {
            key: self.advertised_key()?,
            size: artifact.size.and_then(|size| u64::try_from(size).ok()),
            validators: moved.map_or_else(
                || Validators {
                    etag: status.last_handled_etag.clone(),
                    last_modified: status.last_handled_last_modified.clone(),
                },
                |moved| moved.validators.clone(),
            ),
            fingerprint: status.last_handled_request.clone(),
            input: moved.and_then(|moved| moved.input),
            generation: artifact.observed_generation,
        })
    }

    /// The storage key that the source's status advertises; `None` also for one that is not ours to serve.
    pub(super) fn advertised_key(&self) -> Option<ArtifactKey> {
        let key: ArtifactKey = self.current_artifact()?.path.parse().ok()?;
        (*key.source() == ObjectName::of(self.source.as_ref())).then_some(key)
    }
}

/// Whether `new` is at least as new as `known`. Resource versions of one object are comparable as numbers (KEP-5504);
/// where there are none, what comes later is newer. Another uid is another object.
fn is_newer<K: kube::Resource>(new: &K, known: &K) -> bool {
    let version = |object: &K| object.resource_version().and_then(|version| version.parse::<u64>().ok());
    match (version(new), version(known)) {
        (Some(new_version), Some(known_version)) => new.uid() != known.uid() || new_version >= known_version,
        _ => true,
    }
}

/// The newer of the two; see [`is_newer`]. Our own writes answer with objects too, which the watch may have told
/// already: then the one that is known stays, because others hold it too.
pub(super) fn newer<K: kube::Resource>(new: Arc<K>, known: &Arc<K>) -> Arc<K> {
    let version = |object: &K| (object.uid(), object.resource_version());
    let is_known = new.meta().resource_version.is_some() && version(&new) == version(known);
    if is_known || !is_newer(new.as_ref(), known.as_ref()) { Arc::clone(known) } else { new }
}
