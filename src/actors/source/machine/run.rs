//! One run up to publishing: how it starts, what it holds, and how it is given up.

use std::sync::Arc;
use std::time::Duration;

use super::{Effect, Machine, Moved, Now, PROGRESS_AFTER, Phase, Timer, Work};
use crate::activity::State;
use crate::api::conditions::{reasons, types};
use crate::catalog::{CatalogError, owner_of};
use crate::digest::Digest;
use crate::failure::{Class, Failure};
use crate::generators::{Progress, Validators};
use crate::pipeline::fetch::Fetch;
use crate::pipeline::hooks::Retries;
use crate::pipeline::package::Archive;
use crate::pipeline::prepare::{self, Prepared, Preparing};
use crate::pipeline::schedule::{self, Interval};

/// One run.
pub(super) struct Run {
    started: Now,
    pub(super) stage: Stage,
    generation: Option<i64>,
    pub(super) progress: Arc<Progress>,
    /// Whether what is advertised is stored.
    pub(super) stored: bool,
    /// Where it is served, if it is stored.
    pub(super) url: Option<String>,
    pub(super) force: bool,
    pub(super) answer: Option<Made>,
    pub(super) archive: Option<Archive>,
    /// For all hooks, before and after the request.
    pub(super) retries: Retries,
    /// The rest of a stage whose hook failed, until its next try is due.
    pub(super) again: Option<Work>,
}

/// What made the content of a run.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) fingerprint: String,
    /// Digest of the preRequest output in the request.
    pub(super) input: Option<Digest>,
    pub(super) validators: Validators,
    /// The origin for people.
    pub(super) origin: String,
    /// Name of the file when the user names none.
    pub(super) file_name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Preparing,
    Fetching,
    Processing,
    Packaging,
    Storing,
}

impl Run {
    pub(super) fn generation(&self) -> Option<i64> {
        self.generation
    }

    pub(super) fn state(&self) -> State {
        match self.stage {
            Stage::Preparing | Stage::Processing => State::Hooks,
            Stage::Fetching => State::Fetching,
            Stage::Packaging => State::Packaging,
            Stage::Storing => State::Storing,
        }
    }

    /// Type of the condition for the phase.
    pub(super) fn phase(&self) -> &'static str {
        match self.stage {
            Stage::Preparing | Stage::Processing => types::EXECUTING_HOOKS,
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
        self.unsound = None;
        self.next_run = None;
        effects.push(Effect::Clear(Timer::Wake));
        let progress = Arc::new(Progress::default());
        let prepares = prepare::is_needed(&self.source.spec);
        self.phase = Phase::Running(Box::new(Run {
            started: now,
            stage: if prepares { Stage::Preparing } else { Stage::Fetching },
            generation: self.generation(),
            progress: Arc::clone(&progress),
            stored: false,
            url: None,
            force,
            answer: None,
            archive: None,
            retries: Retries::of(&self.source.spec),
            again: None,
        }));
        let attempt = self.next_attempt();
        if let Err(failure) = self.check() {
            return self.fail(failure, now, effects);
        }
        effects.push(Effect::Set(Timer::Progress, PROGRESS_AFTER));
        let work = if prepares {
            Work::Prepare(Preparing::new(Arc::clone(&self.source), self.advertised()))
        } else {
            Work::Fetch(self.request(None, force, progress))
        };
        effects.push(Effect::Start(attempt, work));
    }

    fn request(&self, prepared: Option<Prepared>, force: bool, progress: Arc<Progress>) -> Fetch {
        Fetch { source: Arc::clone(&self.source), advertised: self.advertised(), prepared, force, progress }
    }

    /// Asks the origin with what the preRequest hooks made.
    pub(super) fn ask(&mut self, prepared: Prepared, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Running(run) = &mut self.phase else { return };
        run.stage = Stage::Fetching;
        let (force, progress) = (run.force, Arc::clone(&run.progress));
        let fetch = self.request(Some(prepared), force, progress);
        effects.push(Effect::Start(self.next_attempt(), Work::Fetch(fetch)));
        self.report_progress_again(now, effects);
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

    /// Gives up the run for a newer spec, a suspension or a deletion.
    pub(super) fn give_up(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.force_again = matches!(&self.phase, Phase::Running(run) if run.force);
        effects.push(Effect::Cancel);
        for timer in [Timer::Progress, Timer::Hook, Timer::Publish] {
            effects.push(Effect::Clear(timer));
        }
        self.next_attempt();
        self.phase = Phase::Idle;
        if self.look_for_work(now, effects) {
            return;
        }
        if self.progress.shown.is_some() && self.source.metadata.deletion_timestamp.is_none() {
            self.republish(now, effects);
        }
    }

    /// Remembers what made this content, as far as that does not stand in the status.
    pub(super) fn remember(&mut self, made: &Made, revision: Option<String>) {
        self.moved =
            revision.map(|revision| Moved { validators: made.validators.clone(), input: made.input, revision });
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
