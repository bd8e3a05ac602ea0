//! The shell: gives the machine its inputs and the time, and performs its effects. Decides nothing.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::machine::{Attempt, Effect, Input, Machine, Now, StageEnd, Timer, Work};
use super::work;
use crate::actors::context::Context;
use crate::actors::{fault, timers::Timers};
use crate::api::{ExternalArtifact, ObjectName};
use crate::catalog::{Event, EventType, ObservedSource};
use crate::storage::{ArtifactKey, Integrity};
use crate::telemetry::metrics;

/// Messages of a source's actor.
#[derive(Debug)]
pub enum SourceMsg {
    /// From the supervisor: the source exists in this state.
    Observed(ObservedSource),
    /// From the supervisor: the ExternalArtifact of the source's name exists in this state, or is gone.
    ArtifactObserved(Option<Arc<ExternalArtifact>>),
    /// From the supervisor: the archive that this key names is not what it should be.
    Unsound(ArtifactKey, Integrity),
    /// From the supervisor: there are more revisions than have to be kept.
    Retire,
    /// From our own timers, with the number of the setting.
    Fired(Timer, u64),
    /// From a stage in one of the pools: exactly one per started stage.
    Ended(Attempt, StageEnd),
}

/// What a source's actor starts with.
pub struct SourceArgs {
    /// What it works with.
    pub context: Arc<Context>,
    /// The source.
    pub observed: ObservedSource,
    /// The ExternalArtifact of its name, whosever it is.
    pub artifact: Option<Arc<ExternalArtifact>>,
}

/// State of a source's actor.
pub struct SourceState {
    context: Arc<Context>,
    name: ObjectName,
    machine: Machine,
    timers: Timers<Timer>,
    /// Dropping it gives up the stage under way.
    stage: Option<DropGuard>,
}

/// The actor of one source.
pub struct SourceActor;

impl Actor for SourceActor {
    type Msg = SourceMsg;
    type State = SourceState;
    type Arguments = SourceArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<SourceMsg>,
        args: SourceArgs,
    ) -> Result<SourceState, ActorProcessingErr> {
        fault::point("start", &args.observed.object);
        let name = ObjectName::of(args.observed.object.as_ref());
        let schedule = Arc::clone(&args.context.settings.schedule);
        let machine = Machine::new(args.observed, schedule, fastrand::u64(..));
        let mut state = SourceState { context: args.context, name, machine, timers: Timers::new(), stage: None };
        let effects = state.machine.begin(args.artifact, now());
        state.perform(effects, &myself);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SourceMsg>,
        message: SourceMsg,
        state: &mut SourceState,
    ) -> Result<(), ActorProcessingErr> {
        let input = match message {
            SourceMsg::Observed(observed) => {
                fault::point("source", &observed.object);
                Input::Observed(observed)
            }
            SourceMsg::ArtifactObserved(artifact) => Input::ArtifactObserved(artifact),
            SourceMsg::Unsound(key, found) => Input::Unsound(key, found),
            SourceMsg::Retire => Input::TooMany,
            SourceMsg::Ended(attempt, end) => Input::Ended(attempt, end),
            SourceMsg::Fired(timer, setting) if state.timers.take(timer, setting) => Input::Fired(timer),
            SourceMsg::Fired(..) => return Ok(()),
        };
        let effects = state.machine.step(input, now());
        state.perform(effects, &myself);
        Ok(())
    }

    /// Gives up now: the state itself lives until the supervisor takes note of our end.
    async fn post_stop(&self, _: ActorRef<SourceMsg>, state: &mut SourceState) -> Result<(), ActorProcessingErr> {
        state.stage = None;
        state.timers = Timers::new();
        Ok(())
    }
}

impl SourceState {
    fn perform(&mut self, effects: Vec<Effect>, myself: &ActorRef<SourceMsg>) {
        for effect in effects {
            match effect {
                Effect::Start(attempt, work) => self.start(attempt, work, myself),
                Effect::Cancel => self.stage = None,
                Effect::Set(timer, delay) => self.timers.set(timer, delay, myself.clone(), SourceMsg::Fired),
                Effect::Clear(timer) => self.timers.clear(timer),
                Effect::Advertise(key) => self.context.presence.advertise(&self.name, key),
                Effect::Tell(type_, reason, message) => self.tell(type_, reason, message),
                Effect::Finished { success, duration } => self.count(success, duration),
            }
        }
        self.context.activities.update(&self.name, self.machine.activity());
    }

    fn start(&mut self, attempt: Attempt, work: Work, myself: &ActorRef<SourceMsg>) {
        let cancelled = CancellationToken::new();
        if work.job().is_cancellable() {
            self.stage = Some(cancelled.clone().drop_guard());
        }
        let completion = work::Completion::new(myself.clone(), attempt, work.job());
        let source = self.machine.source();
        work::submit(&self.context, Arc::clone(source), work, completion, cancelled);
    }

    fn tell(&self, type_: EventType, reason: &'static str, message: String) {
        let (namespace, name) = (&*self.name.namespace, &*self.name.name);
        match type_ {
            EventType::Normal => tracing::info!(namespace, name, reason, "{message}"),
            EventType::Warning => tracing::warn!(namespace, name, reason, "{message}"),
        }
        let source = Arc::clone(self.machine.source());
        let artifact = self.machine.artifact().cloned();
        self.context.catalog.tell(Event { source, artifact, type_, reason, message });
    }

    fn count(&self, success: bool, duration: Duration) {
        metrics::reconciled(&self.machine.source().spec.generator.kind, success, duration);
        self.context.activities.count(&self.name, success);
    }
}

fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Now { elapsed: START.elapsed(), wall: Timestamp::now() }
}
