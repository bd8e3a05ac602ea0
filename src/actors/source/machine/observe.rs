//! New states of the objects: what they change, and when they start a run.

use std::sync::Arc;

use kube::ResourceExt as _;

use super::{Effect, Machine, Now, Phase, Timer, Work};
use crate::api::{ExternalArtifact, ExternalSource, LEGACY_FINALIZER, ObjectName, conditions};
use crate::catalog::{self, ObservedSource};
use crate::generators::Validators;
use crate::pipeline::fetch::Advertised;
use crate::pipeline::publish::{artifact_status, is_in_shape};
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
            Phase::Verifying | Phase::Idle | Phase::Publishing(_) => false,
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
        self.artifact = artifact;
        if !matches!(self.phase, Phase::Idle) {
            return;
        }
        if was_foreign && self.foreign_artifact().is_none() && !self.is_paused() {
            self.start(now, effects);
        } else {
            self.look_for_work(now, effects);
        }
    }

    /// Starts what is due, if anything; otherwise leaves the timers alone.
    pub(super) fn look_for_work(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        if self.is_paused() {
            effects.push(Effect::Clear(Timer::Wake));
            self.next_run = None;
            return false;
        }
        if self.source_token().is_some() || self.artifact_token().is_some() || self.settled != self.generation() {
            self.start(now, effects);
            return true;
        }
        if self.has_drifted() {
            let delay = match self.repairs {
                0 => std::time::Duration::ZERO,
                n => self.policy.retry.delay(n, self.random.f64()),
            };
            effects.push(Effect::Set(Timer::Repair, delay));
        }
        false
    }

    pub(super) fn on_repair_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) && !self.is_paused() && self.has_drifted() {
            self.repairs += 1;
            self.republish(now, effects);
        }
    }

    /// Whether the ExternalArtifact is not what the source's status says it is.
    fn has_drifted(&self) -> bool {
        let Some(status) = &self.source.status else { return false };
        let Some(ready) = conditions::find(&status.conditions, conditions::types::READY) else { return false };
        if self.foreign_artifact().is_some() {
            return false;
        }
        match &self.artifact {
            None => status.artifact.is_some(),
            Some(artifact) => {
                !is_in_shape(artifact, &self.source)
                    || artifact.status.as_ref() != Some(&artifact_status(artifact, status.artifact.as_ref(), ready))
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
            generation: artifact.observed_generation,
        })
    }

    /// The storage key that the source's status advertises; `None` also for one that is not ours to serve.
    pub(super) fn advertised_key(&self) -> Option<ArtifactKey> {
        let key: ArtifactKey = self.current_artifact()?.path.parse().ok()?;
        let name = ObjectName::of(self.source.as_ref());
        (*key.namespace() == *name.namespace && *key.name() == *name.name).then_some(key)
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
