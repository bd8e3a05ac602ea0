//! The end of a run: what is written, told and scheduled.

use std::time::Duration;

use super::run::Made;
use super::{Effect, Machine, Now, Phase, Timer, WITHDRAW_AFTER, Work, observe};
use crate::api::Artifact;
use crate::api::conditions::reasons;
use crate::catalog::{CatalogError, EventType};
use crate::failure::{Class, Failure};
use crate::pipeline::publish::Published;
use crate::pipeline::schedule::jittered;

use super::report::Report;

/// The result of a run on its way into the objects.
pub(super) struct Settlement {
    pub(super) report: Report,
    pub(super) events: Vec<Telling>,
    pub(super) next: Next,
    /// Whether it is the good end of a run; what was wrong before is over only once that is written.
    success: bool,
    tries: u32,
    /// Whether the next try to write is a timer away.
    pub(super) is_waiting: bool,
}

impl Settlement {
    pub(super) fn new(report: Report, events: Vec<Telling>, next: Next) -> Self {
        Self { report, events, next, success: false, tries: 0, is_waiting: false }
    }
}

/// Type, reason and message of an event.
pub(super) type Telling = (EventType, &'static str, String);

/// When the next run is due, once everything is written.
pub(super) enum Next {
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
        let interval = self.effective_interval();
        let next = Next::After(jittered(interval, self.policy.interval_jitter, self.random.f64()));
        let settlement = Settlement { success: true, ..Settlement::new(report, events, next) };
        self.settle(settlement, now, effects);
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
        self.settle(Settlement::new(report, events, next), now, effects);
    }

    /// A failure is told once, however often it comes back.
    fn failure_event(&self, failure: &Failure) -> Vec<Telling> {
        let is_new = self.last_failure.as_ref() != Some(failure);
        is_new.then(|| (EventType::Warning, failure.reason, failure.message.clone())).into_iter().collect()
    }

    pub(super) fn effective_interval(&self) -> Duration {
        self.interval().map_or(self.policy.min_interval, |interval| interval.effective)
    }

    /// When a failed run is worth another one.
    fn next_after(&mut self, failure: &Failure) -> Next {
        let interval = self.effective_interval();
        let next_interval = jittered(interval, self.policy.interval_jitter, self.random.f64());
        match failure.class {
            Class::Configuration => Next::Never,
            Class::Refused | Class::NotAllowed => {
                self.failures = 0;
                Next::After(next_interval)
            }
            Class::Waiting => Next::After(self.backoff(next_interval)),
            Class::Transient { retry_after } => {
                let backoff = self.backoff(next_interval);
                Next::After(retry_after.map_or(backoff, |wait| wait.max(backoff)))
            }
        }
    }

    /// Counts one more failure in a row; after too many, the interval is soon enough.
    fn backoff(&mut self, interval: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        if self.failures > self.policy.retry.max_attempts {
            return interval;
        }
        self.policy.retry.delay(self.failures, self.random.f64()).min(interval)
    }

    fn is_withdrawal_due(&self, now: Now) -> bool {
        self.missing_since.is_some_and(|since| now.elapsed.saturating_sub(since) >= WITHDRAW_AFTER)
    }

    pub(super) fn on_withdraw_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        // A run that is under way may still rebuild it, and withdraws by itself when it fails.
        let is_free = matches!(self.phase, Phase::Idle) && !self.is_paused();
        if !is_free || !self.is_withdrawal_due(now) || self.current_artifact().is_none() {
            return;
        }
        let failure = self.last_failure.clone().unwrap_or_else(|| Failure {
            class: Class::TRANSIENT,
            reason: reasons::STORAGE_OPERATION_FAILED,
            message: "the advertised archive is missing from the storage".to_owned(),
        });
        let events = vec![(EventType::Warning, reasons::ARTIFACT_WITHDRAWN, failure.message.clone())];
        let report = self.failure_report(&failure, true);
        self.settle(Settlement::new(report, events, Next::Kept), now, effects);
    }

    /// Writes again what the status says already: the ExternalArtifact drifted, or a progress report must go.
    pub(super) fn republish(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let report = self.current_report();
        self.settle(Settlement::new(report, Vec::new(), Next::Kept), now, effects);
    }

    pub(super) fn settle(&mut self, settlement: Settlement, now: Now, effects: &mut Vec<Effect>) {
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
        let Phase::Publishing(settlement) = &mut self.phase else { return };
        settlement.is_waiting = false;
        let Phase::Publishing(settlement) = &self.phase else { return };
        let publication = self.publication(&settlement.report, now);
        if publication.is_current(now.wall) {
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
            Class::Waiting | Class::Refused | Class::NotAllowed | Class::Configuration if advertises => {
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
        self.settle(Settlement::new(report, events, next), now, effects);
    }

    pub(super) fn retry_publishing(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Publishing(settlement) = &mut self.phase else { return };
        settlement.tries = settlement.tries.saturating_add(1);
        settlement.is_waiting = true;
        let delay = self.policy.retry.delay(settlement.tries, self.random.f64());
        effects.push(Effect::Set(Timer::Publish, delay));
    }

    fn finish(&mut self, published: Published, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Publishing(settlement) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let before = self.advertised_key();
        self.adopt(published);
        self.progress.shown = None;
        self.settled = settlement.report.generation;
        if settlement.success {
            self.failures = 0;
            self.repairs = None;
            self.last_failure = None;
        }
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
        if self.look_for_work(now, effects) {
            return;
        }
        if std::mem::take(&mut self.overslept) && !self.is_paused() {
            self.start(now, effects);
        } else {
            // Its timer may have fired while this was written.
            self.on_withdraw_due(now, effects);
        }
    }

    pub(super) fn adopt(&mut self, published: Published) {
        if let Some(source) = published.source {
            self.source = observe::newer(source, &self.source);
        }
        if let Some(artifact) = published.artifact {
            self.adopt_artifact(artifact);
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
            Phase::Idle | Phase::Verifying(_) | Phase::Running(_) => {}
        }
    }
}
