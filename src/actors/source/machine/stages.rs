//! The stages of a run: what the end of each starts.

use std::sync::Arc;

use super::describe::manifests;
use super::run::{Made, Stage};
use super::settle::Outcome;
use super::{Effect, Job, Machine, Now, Phase, Timer, WITHDRAW_AFTER, Work};
use crate::api::ObjectName;
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};
use crate::generators::{Answer, Content};
use crate::pipeline::fetch::{Answered, Fetched};
use crate::pipeline::package::{self, Packaged, Packaging};
use crate::pipeline::process::{self, Processing};
use crate::storage::ArtifactKey;

impl Machine {
    pub(super) fn on_fetched(&mut self, fetched: Fetched, now: Now, effects: &mut Vec<Effect>) {
        self.last_fetch = Some(now.wall);
        if let Some(stored) = fetched.stored {
            self.note_stored(stored, now, effects);
        }
        let Phase::Running(run) = &mut self.phase else { return };
        run.stored = fetched.stored == Some(true);
        run.url = fetched.url;
        match fetched.result {
            Ok(Answered { answer: Answer::NotModified, .. }) => {
                self.succeed(Outcome { stored: None, made: None }, now, effects);
            }
            Ok(Answered { answer: Answer::Content(content), fingerprint, input, origin, file_name }) => {
                let validators = content.validators.clone();
                run.answer = Some(Made { fingerprint, input, validators, origin, file_name: file_name.clone() });
                if !process::is_needed(&self.source.spec) {
                    return self.pack(content, now, effects);
                }
                run.stage = Stage::Processing;
                let processing = Processing::new(Arc::clone(&self.source), content, file_name);
                effects.push(Effect::Start(self.next_attempt(), Work::Process(processing)));
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

    /// Builds the archive of what came of the answer.
    pub(super) fn pack(&mut self, content: Content, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Running(run) = &mut self.phase else { return };
        run.stage = Stage::Packaging;
        let (stored, force) = (run.stored, run.force);
        let file_name = run.answer.as_ref().map(|made| made.file_name.clone()).unwrap_or_default();
        let packaging = self.packaging(content, file_name, stored, force);
        effects.push(Effect::Start(self.next_attempt(), Work::Package(packaging)));
        self.report_progress_again(now, effects);
    }

    fn packaging(&self, content: Content, file_name: String, stored: bool, force: bool) -> Packaging {
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
        self.unsound = None;
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
            Job::Prepare | Job::Process => reasons::HOOK_FAILED,
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
            Job::Prepare
            | Job::Fetch
            | Job::Process
            | Job::Package
            | Job::Store
            | Job::Progress
            | Job::Retire
            | Job::RemoveFinalizer => self.fail(failure(), now, effects),
        }
    }
}
