//! Decides what one source does next. Pure: no clock, no socket, no task; everything it can do is shown by tables of
//! inputs and effects.
//!
//! ```text
//! Verifying --> Idle <--> Running([prepare] -> fetch -> [process] -> package -> store) --> Publishing --> Idle
//! ```
//!
//! Nothing is assumed from before a restart: what stands in the objects and in the storage is the truth.

mod activity;
mod damage;
mod describe;
mod hooks;
mod input;
mod observe;
mod report;
mod retire;
mod run;
mod settle;
mod stages;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

pub use input::{Attempt, Effect, Input, Job, Now, StageEnd, Timer, Work};

use crate::api::{Artifact, ExternalArtifact, ExternalSource, FORCE_AT, REQUESTED_AT};
use crate::catalog::ObservedSource;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::generators::Validators;
use crate::pipeline::publish::Published;
use crate::pipeline::retire::Retired;
use crate::pipeline::schedule::ScheduleSettings;
use crate::storage::{ArtifactKey, Integrity};

/// How long the advertised bytes may be missing before the advertisement is taken back: every consumer starts over
/// then, so a rebuild gets its chance first.
const WITHDRAW_AFTER: Duration = Duration::from_secs(60);

/// How long a run lasts before it is reported: a quick run costs no extra writes.
const PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// How long after a repair of the ExternalArtifact the next one is again without delay.
const PEACE_AFTER: Duration = Duration::from_secs(300);

/// The state of one source.
pub struct Machine {
    policy: Arc<ScheduleSettings>,
    random: fastrand::Rng,
    /// The newest state of the object that we know, be it observed or our own write's answer.
    source: Arc<ExternalSource>,
    invalid: Option<String>,
    /// The newest state of the ExternalArtifact of this name, whosever it is.
    artifact: Option<Arc<ExternalArtifact>>,
    /// Uid of the last ExternalArtifact that was seen to go; an answer to a write may still speak of it.
    gone: Option<String>,
    phase: Phase,
    attempt: Attempt,
    /// Failures in a row that are retried with backoff.
    failures: u32,
    /// Generation that the last ended run spoke of.
    settled: Option<i64>,
    /// Handled values of `requestedAt`. Held here too, because an older definition in the cluster may not keep them.
    handled: Handled,
    /// What made the advertised content, beyond what the status says.
    moved: Option<Moved>,
    missing_since: Option<Duration>,
    /// What the archive that is advertised was found to be, unless a run has begun since.
    unsound: Option<Integrity>,
    /// The interval ended while the last result was still being written.
    overslept: bool,
    retired: Retired,
    /// A forced run was given up: the next one is forced in its place.
    force_again: bool,
    /// The ExternalArtifact of somebody else, which stalled us, is gone.
    unblocked: bool,
    /// Repairs of the ExternalArtifact since the last run; somebody who fights us slows us down.
    repairs: Option<Repairs>,
    progress: ProgressReport,
    last_failure: Option<Failure>,
    interval_told: Option<i64>,
    last_fetch: Option<Timestamp>,
    next_run: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
struct Handled {
    source: Option<String>,
    artifact: Option<String>,
}

/// Kept in memory: validators that moved while the content stayed are worth no write, and what hooks made is nobody
/// else's business.
struct Moved {
    validators: Validators,
    /// Digest of the preRequest output in the request.
    input: Option<Digest>,
    revision: String,
}

/// The progress conditions of a long run.
#[derive(Default)]
struct ProgressReport {
    /// The phase that was reported, if any: then the end of the run must take it back.
    shown: Option<&'static str>,
    in_flight: bool,
}

/// Repairs in short order.
struct Repairs {
    count: u32,
    last: Duration,
}

/// Each variant is left by what its documentation says; `Running`, and `Publishing` while it waits for its next try,
/// also by a newer spec.
enum Phase {
    /// Until the storage says whether this advertised archive is there.
    Verifying(ArtifactKey),
    /// Until a trigger: the interval, a new spec, a request, drift.
    Idle,
    /// Until the last stage before publishing ends.
    Running(Box<run::Run>),
    /// Until everything is written; writes that fail are tried again.
    Publishing(Box<settle::Settlement>),
}

impl Machine {
    /// A source that was just seen; `seed` decides its jitter.
    pub fn new(observed: ObservedSource, policy: Arc<ScheduleSettings>, seed: u64) -> Self {
        let status = observed.object.status.clone().unwrap_or_default();
        Self {
            policy,
            random: fastrand::Rng::with_seed(seed),
            source: observed.object,
            invalid: observed.invalid,
            artifact: None,
            gone: None,
            phase: Phase::Idle,
            attempt: Attempt::default(),
            failures: 0,
            settled: status.observed_generation,
            handled: Handled {
                source: status.last_handled_reconcile_at,
                artifact: status.last_handled_artifact_reconcile_at,
            },
            moved: None,
            missing_since: None,
            unsound: None,
            overslept: false,
            retired: Retired::default(),
            force_again: false,
            unblocked: false,
            repairs: None,
            progress: ProgressReport::default(),
            last_failure: None,
            interval_told: None,
            last_fetch: None,
            next_run: None,
        }
    }

    /// The first effects: what is advertised is looked for in the storage before anything else happens.
    pub fn begin(&mut self, artifact: Option<Arc<ExternalArtifact>>, now: Now) -> Vec<Effect> {
        self.artifact = artifact;
        let advertised = self.ahead().or_else(|| self.advertised());
        let mut effects = vec![Effect::Advertise(advertised.as_ref().map(|advertised| advertised.key.clone()))];
        self.check_finalizer(&mut effects);
        match advertised {
            Some(advertised) => {
                self.phase = Phase::Verifying(advertised.key.clone());
                effects.push(Effect::Start(self.next_attempt(), Work::Verify(advertised)));
            }
            None if self.is_paused() => self.take_back_progress(now, &mut effects),
            None => self.start(now, &mut effects),
        }
        effects
    }

    /// Takes one input; the effects are to be performed in order.
    pub fn step(&mut self, input: Input, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Observed(observed) => self.on_observed(observed, now, &mut effects),
            Input::ArtifactObserved(artifact) => self.on_artifact_observed(artifact, now, &mut effects),
            Input::Unsound(key, found) => self.on_unsound(&key, found, now, &mut effects),
            Input::TooMany => self.retire(&mut effects),
            Input::Fired(timer) => self.on_fired(timer, now, &mut effects),
            Input::Ended(attempt, stage) => self.on_ended(attempt, stage, now, &mut effects),
        }
        effects
    }

    fn on_fired(&mut self, timer: Timer, now: Now, effects: &mut Vec<Effect>) {
        match timer {
            Timer::Wake => self.on_wake(now, effects),
            Timer::Hook => self.on_hook_due(effects),
            Timer::Publish => self.submit(now, effects),
            Timer::Progress => self.report_progress(now, effects),
            Timer::Withdraw => self.on_withdraw_due(now, effects),
            Timer::Repair => self.on_repair_due(now, effects),
            Timer::Retire => self.retire(effects),
            Timer::Finalizer => self.check_finalizer(effects),
        }
    }

    fn on_ended(&mut self, attempt: Attempt, stage: StageEnd, now: Now, effects: &mut Vec<Effect>) {
        let current = attempt == self.attempt;
        match stage {
            // These run beside the stages of a run, so their number says nothing.
            StageEnd::Progressed(result) => self.on_progressed(result, now, effects),
            StageEnd::Lost(Job::Progress) => self.on_progressed(Ok(Published::default()), now, effects),
            StageEnd::Retired(result) => self.on_retired(result, effects),
            StageEnd::FinalizerRemoved(result) => self.on_finalizer_removed(result.is_ok(), effects),
            StageEnd::Lost(Job::Retire) => effects.push(Effect::Set(Timer::Retire, self.policy.retry.max_delay)),
            StageEnd::Lost(Job::RemoveFinalizer) => self.on_finalizer_removed(false, effects),
            _ if !current => {}
            StageEnd::Verified(result) => self.on_verified(result, now, effects),
            StageEnd::Prepared(end) => self.on_prepared(end, now, effects),
            StageEnd::Fetched(fetched) => self.on_fetched(*fetched, now, effects),
            StageEnd::Processed(result) => self.on_processed(result, now, effects),
            StageEnd::Packaged(result) => self.on_packaged(result, now, effects),
            StageEnd::Stored(result) => self.on_stored(result, now, effects),
            StageEnd::Published(result) => self.on_published(result, now, effects),
            StageEnd::Lost(job) => self.on_lost(job, now, effects),
        }
    }

    /// The newest state of the object.
    pub fn source(&self) -> &Arc<ExternalSource> {
        &self.source
    }

    /// The ExternalArtifact, if it is ours.
    pub fn artifact(&self) -> Option<&Arc<ExternalArtifact>> {
        self.artifact.as_ref().filter(|artifact| self.is_ours(artifact))
    }

    /// Suspended, or on its way out.
    fn is_paused(&self) -> bool {
        self.source.spec.suspend == Some(true) || self.source.metadata.deletion_timestamp.is_some()
    }

    fn current_artifact(&self) -> Option<&Artifact> {
        self.source.status.as_ref().and_then(|status| status.artifact.as_ref())
    }

    fn next_attempt(&mut self) -> Attempt {
        self.attempt.0 += 1;
        self.attempt
    }

    fn generation(&self) -> Option<i64> {
        self.source.metadata.generation
    }

    /// The value of `requestedAt` on the source that no run has handled.
    fn source_token(&self) -> Option<&String> {
        self.source.annotations().get(REQUESTED_AT).filter(|token| self.handled.source.as_ref() != Some(token))
    }

    /// The value of `requestedAt` on the ExternalArtifact that no run has handled.
    fn artifact_token(&self) -> Option<&String> {
        let token = self.artifact()?.annotations().get(REQUESTED_AT)?;
        (self.handled.artifact.as_ref() != Some(token)).then_some(token)
    }

    fn is_forced(&self, token: &str) -> bool {
        self.source.annotations().get(FORCE_AT).is_some_and(|force| force == token)
    }
}

#[cfg(test)]
mod tests;
