//! What a result looks like in the objects: conditions as kstatus wants them, the artifact, the handled requests.

use std::fmt::Write as _;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::settle::Outcome;
use super::{Effect, Handled, Machine, Now, Phase, Timer, Work, describe};
use crate::api::conditions::{self, reasons, types};
use crate::api::{Artifact, ExternalSourceStatus};
use crate::catalog::{CatalogError, EventType};
use crate::failure::{Class, Failure};
use crate::generators::Validators;
use crate::pipeline::publish::{Advertise, Publication, Published};
use crate::pipeline::schedule::Interval;

/// What shall stand in the objects.
pub(super) struct Report {
    pub(super) ready: Condition,
    /// Conditions beside `Ready`.
    others: Vec<Condition>,
    pub(super) artifact: Option<Artifact>,
    validators: Validators,
    fingerprint: Option<String>,
    /// Generation of the spec that it speaks of.
    pub(super) generation: Option<i64>,
    /// Whether the ExternalArtifact is written too.
    pub(super) advertise: bool,
    handled: Handled,
}

impl Machine {
    pub(super) fn success_report(&mut self, outcome: Outcome) -> Report {
        let status = self.source.status.clone().unwrap_or_default();
        let generation = self.generation();
        let is_new = outcome.stored.is_some();
        let mut validators =
            Validators { etag: status.last_handled_etag, last_modified: status.last_handled_last_modified };
        let mut fingerprint = status.last_handled_request;
        let mut artifact = outcome.stored.or(status.artifact);
        if let Some(made) = outcome.made {
            let same_request = fingerprint.as_ref() == Some(&made.fingerprint)
                && artifact.as_ref().is_some_and(|artifact| artifact.observed_generation == generation);
            let revision = artifact.as_ref().map(|artifact| artifact.revision.clone());
            if same_request && !is_new {
                // Validators that move on every answer over the same content cost no write, nor does a token that is new
                // for every request.
                self.remember(&made, revision);
            } else {
                self.remember(&made, revision.filter(|_| made.input.is_some()));
                (validators, fingerprint) = (made.validators, Some(made.fingerprint));
            }
        }
        if let Some(artifact) = &mut artifact {
            artifact.observed_generation = generation;
            // The same bytes may be served elsewhere since they were stored.
            if let Phase::Running(run) = &self.phase
                && let Some(url) = run.url.as_ref().filter(|_| !is_new)
            {
                artifact.url.clone_from(url);
            }
        }
        let ready = conditions::ready(self.success_message(artifact.as_ref()));
        let handled = self.handled.clone();
        Report { ready, others: Vec::new(), artifact, validators, fingerprint, generation, advertise: true, handled }
    }

    fn success_message(&self, artifact: Option<&Artifact>) -> String {
        let revision = artifact.map(|artifact| artifact.revision.as_str()).unwrap_or_default();
        let mut message = format!("stored artifact for revision '{revision}'");
        if artifact.and_then(describe::manifests) == Some(0) {
            message.push_str("; it holds no .yaml, .yml or Chart.yaml file, so Flux will find nothing to apply");
        }
        if let Ok(Interval { effective, raised: true }) = self.interval() {
            let _ = write!(message, "; interval {} is raised to {effective:?}", self.source.spec.interval);
        }
        message
    }

    /// Told once per generation.
    pub(super) fn interval_event(&mut self) -> Option<(EventType, &'static str, String)> {
        let generation = self.generation().unwrap_or_default();
        if self.interval_told == Some(generation) {
            return None;
        }
        let Interval { effective, raised: true } = self.interval().ok()? else { return None };
        let written = &self.source.spec.interval;
        let message = format!("spec.interval {written} is below the minimum and raised to {effective:?}");
        self.interval_told = Some(generation);
        Some((EventType::Normal, reasons::INTERVAL_RAISED, message))
    }

    pub(super) fn failure_report(&self, failure: &Failure, withdraw: bool) -> Report {
        let other = match failure.class {
            Class::Configuration | Class::NotAllowed => conditions::stalled(failure.reason, failure.message.clone()),
            Class::Transient { .. } | Class::Waiting | Class::Refused => {
                conditions::reconciling(reasons::PROGRESSING_WITH_RETRY, failure.message.clone())
            }
        };
        let mut report = Report {
            ready: conditions::not_ready(failure.reason, failure.message.clone()),
            others: vec![other],
            generation: self.generation(),
            handled: self.handled.clone(),
            ..self.current_report()
        };
        if withdraw {
            report.artifact = None;
            report.validators = Validators::default();
            report.fingerprint = None;
        }
        report
    }

    /// What the status says already, without progress.
    pub(super) fn current_report(&self) -> Report {
        let status = self.source.status.clone().unwrap_or_default();
        let ready = conditions::find(&status.conditions, types::READY).cloned();
        let is_settled = |condition: &&Condition| {
            condition.type_ == types::STALLED
                || (condition.type_ == types::RECONCILING && condition.reason == reasons::PROGRESSING_WITH_RETRY)
        };
        Report {
            ready: ready.unwrap_or_else(|| conditions::ready_unknown("waiting for the first run")),
            others: status.conditions.iter().filter(is_settled).cloned().collect(),
            // A source that never had an artifact gets no ExternalArtifact only to say so.
            advertise: status.artifact.is_some() || self.artifact().is_some(),
            artifact: status.artifact,
            validators: Validators { etag: status.last_handled_etag, last_modified: status.last_handled_last_modified },
            fingerprint: status.last_handled_request,
            generation: status.observed_generation,
            handled: Handled {
                source: status.last_handled_reconcile_at,
                artifact: status.last_handled_artifact_reconcile_at,
            },
        }
    }

    /// The ExternalArtifact was written and the status was not: what made the artifact is unknown.
    pub(super) fn caught_up_report(&self, artifact: Artifact) -> Report {
        Report {
            ready: conditions::ready(self.success_message(Some(&artifact))),
            others: Vec::new(),
            artifact: Some(artifact),
            validators: Validators::default(),
            fingerprint: None,
            advertise: true,
            ..self.current_report()
        }
    }

    /// The writes that make `report` stand in the objects.
    pub(super) fn publication(&self, report: &Report, now: Now) -> Publication {
        let before = self.source.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let wanted = std::iter::once(report.ready.clone()).chain(report.others.iter().cloned()).collect();
        let status = ExternalSourceStatus {
            observed_generation: report.generation,
            conditions: conditions::merge(before, wanted, report.generation, now.wall),
            artifact: report.artifact.clone(),
            last_handled_reconcile_at: report.handled.source.clone(),
            last_handled_artifact_reconcile_at: report.handled.artifact.clone(),
            last_handled_etag: report.validators.etag.clone(),
            last_handled_last_modified: report.validators.last_modified.clone(),
            last_handled_request: report.fingerprint.clone(),
        };
        let advertise = if report.advertise {
            Advertise::Artifact { artifact: report.artifact.clone(), ready: report.ready.clone() }
        } else {
            Advertise::Nothing
        };
        Publication { source: Arc::clone(&self.source), artifact: self.artifact().cloned(), advertise, status }
    }

    /// Writes that the run goes on, with its phase.
    pub(super) fn report_progress(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Running(run) = &self.phase else { return };
        let phase = run.phase();
        let mut report = self.current_report();
        report.advertise = false;
        report.others = vec![
            conditions::reconciling(reasons::PROGRESSING, "a run is under way"),
            conditions::phase(phase, "this phase is under way"),
        ];
        let publication = self.publication(&report, now);
        self.progress.shown = Some(phase);
        self.progress.in_flight = true;
        effects.push(Effect::Start(self.attempt, Work::Progress(Box::new(publication))));
    }

    /// The run entered another phase: writes it if the run is one that is reported.
    pub(super) fn report_progress_again(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Phase::Running(run) = &self.phase else { return };
        if !self.progress.in_flight && self.progress.shown.is_some_and(|shown| shown != run.phase()) {
            self.report_progress(now, effects);
        }
    }

    pub(super) fn on_progressed(
        &mut self,
        result: Result<Published, CatalogError>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.progress.in_flight = false;
        if let Ok(published) = result {
            self.adopt(published);
        }
        match &self.phase {
            Phase::Publishing(_) => self.submit(now, effects),
            // The answer may bring a spec that the watch has yet to tell.
            Phase::Running(run) if self.is_paused() || run.generation() != self.generation() => {
                self.give_up(now, effects);
            }
            Phase::Running(_) => self.report_progress_again(now, effects),
            Phase::Idle | Phase::Verifying(_) => effects.push(Effect::Clear(Timer::Progress)),
        }
    }
}
