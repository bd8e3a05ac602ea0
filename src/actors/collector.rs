//! Owns the task that does the collector's rounds, on the leader only. What it finds is judged, and acted upon, by the
//! supervisor, who knows all objects.

mod ask;
mod tell;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::AbortHandle;

use ask::Asking;
pub use ask::{Ask, Job};

use super::context::Context;
use super::on_drop::OnDrop;
use super::supervisor::SupervisorMsg;
use crate::pipeline::collect::{CollectSettings, Round, RoundError};
use crate::pipeline::schedule::jittered;

/// Longest time until the first round, and until the next one when not all objects are known.
const SOON: Duration = Duration::from_secs(60);

/// By which part of it the time between two rounds differs, so that many controllers do not come at once.
const JITTER: f64 = 0.1;

/// Messages of the collector.
pub enum CollectorMsg {
    /// From our own task: it ended, which it never should.
    Ended,
}

/// What the collector starts with.
pub struct CollectorArgs {
    /// What is collected, and when.
    pub context: Arc<Context>,
    /// Who knows the objects.
    pub supervisor: ActorRef<SupervisorMsg>,
}

/// Stops the rounds when it is dropped.
pub struct Rounds(AbortHandle);

impl Drop for Rounds {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The collector.
pub struct Collector;

impl Actor for Collector {
    type Msg = CollectorMsg;
    type State = Rounds;
    type Arguments = CollectorArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<CollectorMsg>,
        args: CollectorArgs,
    ) -> Result<Rounds, ActorProcessingErr> {
        let ended = OnDrop::new(myself, |_| CollectorMsg::Ended);
        let task = tokio::spawn(async move {
            let _ended = ended;
            rounds(args).await;
        });
        Ok(Rounds(task.abort_handle()))
    }

    async fn handle(
        &self,
        _: ActorRef<CollectorMsg>,
        message: CollectorMsg,
        _: &mut Rounds,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CollectorMsg::Ended => Err("the garbage collector ended".into()),
        }
    }

    /// Removes nothing more: the state itself lives until the supervisor takes note of our end.
    async fn post_stop(&self, _: ActorRef<CollectorMsg>, rounds: &mut Rounds) -> Result<(), ActorProcessingErr> {
        rounds.0.abort();
        Ok(())
    }
}

async fn rounds(CollectorArgs { context, supervisor }: CollectorArgs) {
    let settings = context.settings.collect;
    // What had its moment since the last round of whoever led before us.
    let now = SystemTime::now();
    let mut round = Round::new(now.checked_sub(settings.interval).unwrap_or(now));
    let asking = Asking::new(Arc::clone(&context), supervisor);
    tokio::time::sleep(soon(&settings)).await;
    loop {
        let started = Instant::now();
        let result = round.run(context.storage.as_ref(), &context.presence, &asking, &settings).await;
        tell::round(&result, started.elapsed());
        let wait = match result {
            Err(RoundError::Incomplete(_)) => soon(&settings),
            Ok(_) | Err(_) => jittered(settings.interval, JITTER, fastrand::f64()),
        };
        tokio::time::sleep(wait).await;
    }
}

/// Not at once: a start has enough to do, and a replica that leads for a moment only need not begin.
fn soon(settings: &CollectSettings) -> Duration {
    settings.interval.min(SOON).mul_f64(0.5 + 0.5 * fastrand::f64())
}
