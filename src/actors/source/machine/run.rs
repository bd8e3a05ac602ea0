//! The stages of one run up to publishing: what the end of each starts.

use std::sync::Arc;
use std::time::Duration;

use super::describe::manifests;
use super::settle::Outcome;
use super::{Effect, Job, Machine, Moved, Now, PROGRESS_AFTER, Phase, Timer, WITHDRAW_AFTER, Work};
use crate::activity::State;
use crate::api::ObjectName;
use crate::api::conditions::{reasons, types};
use crate::catalog::{CatalogError, owner_of};
use crate::failure::{Class, Failure};
use crate::generators::{Answer, Content, Progress, Validators};
use crate::pipeline::fetch::{Answered, Fetch, Fetched};
use crate::pipeline::package::{self, Archive, Packaged, Packaging};
use crate::pipeline::schedule::{self, Interval};
use crate::storage::ArtifactKey;

/// One run.
pub(super) struct Run {
    started: Now,
    stage: Stage,
    generation: Option<i64>,
    progress: Arc<Progress>,
    /// Whether what is advertised is stored.
    stored: bool,
    force: bool,
    answer: Option<Made>,
    archive: Option<Archive>,
}

/// What made the content of a run.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) fingerprint: String,
    pub(super) validators: Validators,
    /// The origin for people.
    pub(super) origin: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fetching,
    Packaging,
    Storing,
}

impl Run {
    pub(super) fn generation(&self) -> Option<i64> {
        self.generation
    }

    pub(super) fn state(&self) -> State {
        match self.stage {
            Stage::Fetching => State::Fetching,
            Stage::Packaging => State::Packaging,
            Stage::Storing => State::Storing,
        }
    }

    /// Type of the condition for the phase.
    pub(super) fn phase(&self) -> &'static str {
        match self.stage {
            Stage::Fetching => types::FETCHING,
            Stage::Packaging | Stage::Storing => types::STORING,
        }
    }

    pub(super) fn download(&self) -> Option<Arc<Progress>> {
        (self.stage == Stage::Fetching).then(|| Arc::clone(&self.progress))
    }
}

impl Machine {
    /// Starts a run, or ends it at once when the spec itself forbids it.
    pub(super) fn start(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let force = self.take_token() || std::mem::take(&mut self.force_again);
        self.unblocked = false;
        self.next_run = None;
        effects.push(Effect::Clear(Timer::Wake));
        let progress = Arc::new(Progress::default());
        self.phase = Phase::Running(Box::new(Run {
            started: now,
            stage: Stage::Fetching,
            generation: self.generation(),
            progress: Arc::clone(&progress),
            stored: false,
            force,
            answer: None,
            archive: None,
        }));
        let attempt = self.next_attempt();
        if let Err(failure) = self.check() {
            return self.fail(failure, now, effects);
        }
        effects.push(Effect::Set(Timer::Progress, PROGRESS_AFTER));
        let fetch = Fetch { source: Arc::clone(&self.source), advertised: self.advertised(), force, progress };
        effects.push(Effect::Start(attempt, Work::Fetch(fetch)));
    }

    /// One run handles one request: requests on both objects at once are two runs.
    fn take_token(&mut self) -> bool {
        if let Some(token) = self.source_token().cloned() {
            let force = self.is_forced(&token);
            self.handled.source = Some(token);
            force
        } else {
            if let Some(token) = self.artifact_token().cloned() {
                self.handled.artifact = Some(token);
            }
            false
        }
    }

    /// What can be said without looking anywhere.
    fn check(&self) -> Result<(), Failure> {
        if let Some(why) = &self.invalid {
            return Err(configuration(reasons::INVALID_OBJECT, format!("the object cannot be read: {why}")));
        }
        if let Some(foreign) = self.foreign_artifact() {
            let error = CatalogError::Foreign { owner: owner_of(foreign, &[]) };
            return Err(error.into());
        }
        self.interval().map(drop)
    }

    /// What the spec's interval comes to.
    pub(super) fn interval(&self) -> Result<Interval, Failure> {
        schedule::interval(&self.source.spec.interval, self.policy.min_interval)
    }

    pub(super) fn on_fetched(&mut self, fetched: Fetched, now: Now, effects: &mut Vec<Effect>) {
        self.last_fetch = Some(now.wall);
        if let Some(stored) = fetched.stored {
            self.note_stored(stored, now, effects);
        }
        let Phase::Running(run) = &mut self.phase else { return };
        run.stored = fetched.stored == Some(true);
        match fetched.result {
            Ok(Answered { answer: Answer::NotModified, .. }) => {
                self.succeed(Outcome { stored: None, made: None }, now, effects);
            }
            Ok(Answered { answer: Answer::Content(content), fingerprint, origin, file_name }) => {
                run.stage = Stage::Packaging;
                run.answer = Some(Made { fingerprint, validators: content.validators.clone(), origin });
                let packaging = self.packaging(content, file_name);
                effects.push(Effect::Start(self.next_attempt(), Work::Package(packaging)));
                self.report_progress_again(now, effects);
            }
            Err(failure) => self.fail(failure, now, effects),
        }
    }

    /// Keeps count of how long the advertised bytes have been missing.
    pub(super) fn note_stored(&mut self, stored: bool, now: Now, effects: &mut Vec<Effect>) {
        if stored || self.current_artifact().is_none() {
            self.missing_since = None;
        } else if self.missing_since.is_none() {
            self.missing_since = Some(now.elapsed);
            effects.push(Effect::Set(Timer::Withdraw, WITHDRAW_AFTER));
        }
    }

    fn packaging(&self, content: Content, file_name: String) -> Packaging {
        let (stored, force) = match &self.phase {
            Phase::Running(run) => (run.stored, run.force),
            Phase::Verifying(_) | Phase::Idle | Phase::Publishing(_) => (false, false),
        };
        let advertised = self.current_artifact().and_then(|artifact| {
            Some(package::Advertised {
                revision: artifact.revision.parse().ok()?,
                manifests: manifests(artifact),
                stored: stored && !force,
            })
        });
        Packaging::of(&self.source.spec, content, file_name, advertised)
    }

    pub(super) fn on_packaged(&mut self, result: Result<Packaged, Failure>, now: Now, effects: &mut Vec<Effect>) {
        match result {
            Ok(Packaged::Unchanged) => {
                let made = self.made();
                self.succeed(Outcome { stored: None, made }, now, effects);
            }
            Ok(Packaged::Archive(archive)) => {
                let key = ArtifactKey::new(ObjectName::of(self.source.as_ref()), archive.bytes.digest());
                if let Phase::Running(run) = &mut self.phase {
                    run.stage = Stage::Storing;
                    run.archive = Some(archive.clone());
                }
                effects.push(Effect::Start(self.next_attempt(), Work::Store(key, archive)));
                self.report_progress_again(now, effects);
            }
            Err(failure) => self.fail(failure, now, effects),
        }
    }

    pub(super) fn on_stored(&mut self, result: Result<String, Failure>, now: Now, effects: &mut Vec<Effect>) {
        let url = match result {
            Ok(url) => url,
            Err(failure) => return self.fail(failure, now, effects),
        };
        let Phase::Running(run) = &mut self.phase else { return };
        let Some(archive) = run.archive.take() else { return };
        self.missing_since = None;
        let artifact = self.describe(&archive, url, now);
        let made = self.made();
        self.succeed(Outcome { stored: Some(artifact), made }, now, effects);
    }

    /// What made the content that this run fetched.
    pub(super) fn made(&self) -> Option<Made> {
        match &self.phase {
            Phase::Running(run) => run.answer.clone(),
            Phase::Verifying(_) | Phase::Idle | Phase::Publishing(_) => None,
        }
    }

    pub(super) fn on_lost(&mut self, job: Job, now: Now, effects: &mut Vec<Effect>) {
        let reason = match job {
            Job::Fetch => reasons::FETCH_FAILED,
            Job::Verify | Job::Store => reasons::STORAGE_OPERATION_FAILED,
            _ => reasons::BUILD_FAILED,
        };
        let failure = || Failure {
            class: Class::TRANSIENT,
            reason,
            message: "a worker of the controller crashed; its log says why".to_owned(),
        };
        match job {
            Job::Verify => self.on_verified(Err(failure()), now, effects),
            Job::Publish => self.retry_publishing(effects),
            Job::Fetch | Job::Package | Job::Store | Job::Progress | Job::Retire | Job::RemoveFinalizer => {
                self.fail(failure(), now, effects);
            }
        }
    }

    /// Gives up the run for a newer spec, a suspension or a deletion.
    pub(super) fn give_up(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.force_again = matches!(&self.phase, Phase::Running(run) if run.force);
        effects.push(Effect::Cancel);
        effects.push(Effect::Clear(Timer::Progress));
        effects.push(Effect::Clear(Timer::Publish));
        self.next_attempt();
        self.phase = Phase::Idle;
        if self.look_for_work(now, effects) {
            return;
        }
        if self.progress.shown.is_some() && self.source.metadata.deletion_timestamp.is_none() {
            self.republish(now, effects);
        }
    }

    /// Remembers validators that moved while the content stayed.
    pub(super) fn remember(&mut self, validators: Validators) {
        let revision = self.current_artifact().map(|artifact| artifact.revision.clone());
        self.moved = revision.map(|revision| Moved { validators, revision });
    }

    /// How long the run has lasted.
    pub(super) fn run_duration(&self, now: Now) -> Duration {
        match &self.phase {
            Phase::Running(run) => now.elapsed.saturating_sub(run.started.elapsed),
            Phase::Verifying(_) | Phase::Idle | Phase::Publishing(_) => Duration::ZERO,
        }
    }
}

fn configuration(reason: &'static str, message: String) -> Failure {
    Failure { class: Class::Configuration, reason, message }
}
