//! The end of a run: what is written, told and scheduled.

use std::time::Duration;

use super::run::Made;
use super::{Effect, Machine, Now, Phase, Timer, WITHDRAW_AFTER, Work, observe};
use crate::api::Artifact;
use crate::api::conditions::{self, reasons, types};
use crate::catalog::{CatalogError, EventType};
use crate::failure::{Class, Failure};
use crate::pipeline::publish::Published;
use crate::pipeline::schedule::jittered;

use super::report::Report;

/// The result of a run on its way into the objects.
pub(super) struct Settlement {
    pub(super) report: Report,
    events: Vec<Telling>,
    next: Next,
    tries: u32,
}

/// Type, reason and message of an event.
pub(super) type Telling = (EventType, &'static str, String);

/// When the next run is due, once everything is written.
enum Next {
    /// As it was before.
    Kept,
    After(Duration),
    /// Not before somebody changes something.
    Never,
}

/// A run that ended well.
pub(super) struct Outcome {
    /// The new archive; `None` when the advertised one is current.
    pub(super) stored: Option<Artifact>,
    /// What made the content; `None` when the origin said that it was not modified.
    pub(super) made: Option<Made>,
}

impl Machine {
    pub(super) fn succeed(&mut self, outcome: Outcome, now: Now, effects: &mut Vec<Effect>) {
        let duration = self.run_duration(now);
        effects.push(Effect::Finished { success: true, duration });
        let report = self.success_report(outcome);
        let mut events = Vec::new();
        let revision = |artifact: Option<&Artifact>| artifact.map(|artifact| artifact.revision.clone());
        if revision(report.artifact.as_ref()) != revision(self.current_artifact()) {
            events.push((EventType::Normal, reasons::NEW_ARTIFACT, report.ready.message.clone()));
        } else if self.last_failure.is_some() {
            events.push((EventType::Normal, reasons::SUCCEEDED, report.ready.message.clone()));
        }
        events.extend(self.interval_event());
        self.failures = 0;
        self.repairs = 0;
        self.last_failure = None;
        let interval = self.effective_interval();
        let next = Next::After(jittered(interval, self.policy.interval_jitter, self.random.f64()));
        self.settle(Settlement { report, events, next, tries: 0 }, now, effects);
    }

    pub(super) fn fail(&mut self, failure: Failure, now: Now, effects: &mut Vec<Effect>) {
        let duration = self.run_duration(now);
        effects.push(Effect::Finished { success: false, duration });
        let next = self.next_after(&failure);
        let withdraw = self.is_withdrawal_due(now);
        let mut events = Vec::new();
        if withdraw && self.current_artifact().is_some() {
            events.push((EventType::Warning, reasons::ARTIFACT_WITHDRAWN, failure.message.clone()));
        } else {
            events = self.failure_event(&failure);
        }
        let report = self.failure_report(&failure, withdraw);
        self.last_failure = Some(failure);
        self.settle(Settlement { report, events, next, tries: 0 }, now, effects);
    }

    /// A failure is told once, however often it comes back.
    fn failure_event(&self, failure: &Failure) -> Vec<Telling> {
        let is_new = self.last_failure.as_ref() != Some(failure);
        is_new.then(|| (EventType::Warning, failure.reason, failure.message.clone())).into_iter().collect()
    }

    fn effective_interval(&self) -> Duration {
        self.interval().map_or(self.policy.min_interval, |interval| interval.effective)
    }

    /// When a failed run is worth another one.
    fn next_after(&mut self, failure: &Failure) -> Next {
        let interval = self.effective_interval();
        let next_interval = jittered(interval, self.policy.interval_jitter, self.random.f64());
        match failure.class {
            Class::Configuration => Next::Never,
            Class::Refused => {
                self.failures = 0;
                Next::After(next_interval)
            }
            Class::Waiting => {
                self.failures = self.failures.saturating_add(1);
                Next::After(self.policy.retry.delay(self.failures, self.random.f64()).min(next_interval))
            }
            Class::Transient { retry_after } => {
                self.failures = self.failures.saturating_add(1);
                let backoff = if self.failures > self.policy.retry.max_attempts {
                    next_interval
                } else {
                    self.policy.retry.delay(self.failures, self.random.f64()).min(next_interval)
                };
                Next::After(retry_after.map_or(backoff, |wait| wait.max(backoff)))
            }
        }
    }

    fn is_withdrawal_due(&self, now: Now) -> bool {
        self.missing_since.is_some_and(|since| now.elapsed.saturating_sub(since) >= WITHDRAW_AFTER)
    }

    pub(super) fn on_withdraw_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // A run that is under way may still rebuild it, and withdraws by itself when it fails.
        if !matches!(self.phase, Phase::Idle) || self.is_paused() || !self.is_withdrawal_due(now) {
            return;
        }
        let failure = self.last_failure.clone().unwrap_or_else(|| Failure {
            class: Class::TRANSIENT,
            reason: reasons::STORAGE_OPERATION_FAILED,
            message: "the advertised archive is missing from the storage".to_owned(),
        });
        let events = vec![(EventType::Warning, reasons::ARTIFACT_WITHDRAWN, failure.message.clone())];
        let report = self.failure_report(&failure, true);
        self.settle(Settlement { report, events, next: Next::Kept, tries: 0 }, now, effects);
    }

    /// Writes again what the status says already: the ExternalArtifact drifted, or a progress report must go.
    pub(super) fn republish(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let report = self.current_report();
        self.settle(Settlement { report, events: Vec::new(), next: Next::Kept, tries: 0 }, now, effects);
    }

    fn settle(&mut self, settlement: Settlement, now: Now, effects: &mut Vec<Effect>) {
        effects.push(Effect::Clear(Timer::Progress));
        self.phase = Phase::Publishing(Box::new(settlement));
        self.submit(now, effects);
    }

    /// Hands the result to the publisher, or ends at once when nothing differs.
    pub(super) fn submit(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // Compared with what stands in the objects, which a progress report under way is about to change.
        if self.progress.in_flight {
            return;
        }
        let Phase::Publishing(settlement) = &self.phase else { return };
        let publication = self.publication(&settlement.report, now);
        if publication.is_current() {
            return self.on_published(Ok(Published::default()), now, effects);
        }
        effects.push(Effect::Start(self.next_attempt(), Work::Publish(Box::new(publication))));
    }

    pub(super) fn on_published(
        &mut self,
        result: Result<Published, CatalogError>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let error = match result {
            Ok(published) => return self.finish(published, now, effects),
            Err(error) => error,
        };
        let advertises = matches!(&self.phase, Phase::Publishing(settlement) if settlement.report.advertise);
        let failure = Failure::from(error);
        match failure.class {
            // Said in the source's own status, which is another object with other rules.
            Class::Waiting | Class::Refused | Class::Configuration if advertises => {
                self.fail_to_advertise(failure, now, effects);
            }
            _ => self.retry_publishing(effects),
        }
    }

    fn fail_to_advertise(&mut self, failure: Failure, now: Now, effects: &mut Vec<Effect>) {
        let next = self.next_after(&failure);
        let events = self.failure_event(&failure);
        let mut report = self.failure_report(&failure, false);
        report.advertise = false;
        self.last_failure = Some(failure);
        self.settle(Settlement { report, events, next, tries: 0 }, now, effects);
    }

    pub(super) fn retry_publishing(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Publishing(settlement) = &mut self.phase else { return };
        settlement.tries = settlement.tries.saturating_add(1);
        let delay = self.policy.retry.delay(settlement.tries, self.random.f64());
        effects.push(Effect::Set(Timer::Publish, delay));
    }

    fn finish(&mut self, published: Published, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Publishing(settlement) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let before = self.advertised_key();
        self.adopt(published);
        self.progress.shown = None;
        self.settled = settlement.report.generation;
        let key = self.advertised_key();
        effects.push(Effect::Advertise(key.clone()));
        if before != key {
            self.retire(effects);
        }
        effects
            .extend(settlement.events.into_iter().map(|(type_, reason, message)| Effect::Tell(type_, reason, message)));
        match settlement.next {
            Next::Kept => {}
            Next::After(delay) => self.wake_in(delay, now, effects),
            Next::Never => {
                self.next_run = None;
                effects.push(Effect::Clear(Timer::Wake));
            }
        }
        if !self.look_for_work(now, effects) && std::mem::take(&mut self.overslept) && !self.is_paused() {
            self.start(now, effects);
        }
    }

    pub(super) fn adopt(&mut self, published: Published) {
        if let Some(source) = published.source {
            self.source = observe::newer(source, &self.source);
        }
        if let Some(artifact) = published.artifact {
            self.artifact = Some(match &self.artifact {
                Some(known) => observe::newer(artifact, known),
                None => artifact,
            });
        }
    }

    pub(super) fn wake_in(&mut self, delay: Duration, now: Now, effects: &mut Vec<Effect>) {
        self.next_run = now.wall.checked_add(delay).ok();
        effects.push(Effect::Set(Timer::Wake, delay));
    }

    pub(super) fn on_wake(&mut self, now: Now, effects: &mut Vec<Effect>) {
        match &self.phase {
            Phase::Idle if !self.is_paused() => self.start(now, effects),
            Phase::Publishing(_) => self.overslept = true,
            Phase::Idle | Phase::Verifying | Phase::Running(_) => {}
        }
    }

    /// After a start: bytes that are there and a status that is well cost no request before the next interval.
    pub(super) fn on_verified(&mut self, result: Result<Option<String>, Failure>, now: Now, effects: &mut Vec<Effect>) {
        self.phase = Phase::Idle;
        if let Ok(stored_at) = &result {
            self.note_stored(stored_at.is_some(), now, effects);
        }
        let stored_at = result.unwrap_or_default();
        self.retire(effects);
        if self.look_for_work(now, effects) || self.is_paused() {
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

    /// The same bytes are served under another address than before the restart.
    fn move_to(&mut self, url: String, now: Now, effects: &mut Vec<Effect>) {
        let mut report = self.current_report();
        if let Some(artifact) = &mut report.artifact {
            artifact.url = url;
        }
        self.settle(Settlement { report, events: Vec::new(), next: Next::Kept, tries: 0 }, now, effects);
    }

    pub(super) fn retire(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) {
            effects.push(Effect::Start(self.attempt, Work::Retire(self.advertised_key(), self.retired.clone())));
        } else {
            // What is being published is not yet known to be advertised.
            effects.push(Effect::Set(Timer::Retire, self.policy.retry.base_delay));
        }
    }

    pub(super) fn on_retired(
        &mut self,
        result: Result<(crate::pipeline::retire::Retired, Option<Duration>), Failure>,
        effects: &mut Vec<Effect>,
    ) {
        let next = match result {
            Ok((retired, next)) => {
                self.retired = retired;
                next
            }
            Err(_) => Some(self.policy.retry.max_delay),
        };
        effects.extend(next.map(|delay| Effect::Set(Timer::Retire, delay)));
    }
}
