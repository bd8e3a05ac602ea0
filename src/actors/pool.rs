//! A bounded pool of workers: at most `limit` pieces of work at once, and for one source one after the other in the
//! order of their arrival. Hooks, fetcher, packager, storage and publisher are such pools.
//!
//! The queue is bounded by its senders: a source has one stage of a run under way at a time, and a few chores.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::task::JoinSet;

use super::on_drop::OnDrop;
use crate::api::ObjectName;
use crate::telemetry::metrics;

/// A piece of work. It reports its end itself, also when it is dropped without having run.
pub type Work = BoxFuture<'static, ()>;

/// How others reach a pool, across its restarts.
#[derive(Clone)]
pub struct PoolHandle {
    name: &'static str,
    actor: Arc<ArcSwapOption<ActorRef<PoolMsg>>>,
}

impl PoolHandle {
    /// A pool that is not running yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, actor: Arc::default() }
    }

    /// Name of the pool.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Called by the supervisor with every new incarnation.
    pub(super) fn connect(&self, actor: ActorRef<PoolMsg>) {
        self.actor.store(Some(Arc::new(actor)));
    }

    /// Queues `work` for `source`. While the pool is being restarted, the work is dropped.
    pub fn submit(&self, source: ObjectName, work: Work) {
        if let Some(actor) = self.actor.load().as_ref() {
            let _ = actor.cast(PoolMsg::Submit { source, work });
        }
    }

    /// Whether the pool answers in time.
    pub async fn is_alive(&self, timeout: Duration) -> bool {
        self.ask(|reply_to| PoolMsg::Ping { reply_to }, timeout).await
    }

    /// Waits until nothing is queued or running; false when it takes longer than `timeout`.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.ask(|reply_to| PoolMsg::Drain { reply_to }, timeout).await
    }

    /// Kills the pool as it is, with everything in it.
    #[cfg(test)]
    pub(super) async fn kill(&self) {
        let actor = self.actor.load_full().unwrap();
        actor.kill_and_wait(None).await.unwrap();
    }

    async fn ask(&self, message: impl FnOnce(RpcReplyPort<()>) -> PoolMsg, timeout: Duration) -> bool {
        let Some(actor) = self.actor.load_full() else { return false };
        let answer = actor.call(message, Some(timeout)).await;
        matches!(answer, Ok(ractor::rpc::CallResult::Success(())))
    }
}

/// Messages of a pool.
pub enum PoolMsg {
    /// From source actors and the supervisor: run this after everything queued for the same source.
    Submit {
        /// Whose work it is.
        source: ObjectName,
        /// What to do.
        work: Work,
    },
    /// From our own tasks: the work of this source ended, one way or another.
    Ended {
        /// Whose work it was.
        source: ObjectName,
        /// Whether it panicked.
        crashed: bool,
    },
    /// From the supervisor at shutdown: answered once nothing is queued or running.
    Drain {
        /// Answered when empty.
        reply_to: RpcReplyPort<()>,
    },
    /// From the liveness probe: answered at once.
    Ping {
        /// Answered at once.
        reply_to: RpcReplyPort<()>,
    },
}

/// Name and size of a pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolArgs {
    /// For logs and metrics.
    pub name: &'static str,
    /// Pieces of work at once.
    pub limit: usize,
}

/// The pool's state.
pub struct PoolState {
    args: PoolArgs,
    tasks: JoinSet<()>,
    running: usize,
    /// Pieces of work in all queues.
    waiting: usize,
    /// Work by source, for every source that has some queued or running.
    queues: HashMap<ObjectName, VecDeque<Work>>,
    /// Sources with queued work of which nothing is running, in order of arrival.
    ready: VecDeque<ObjectName>,
    drains: Vec<RpcReplyPort<()>>,
}

/// The pool.
pub struct Pool;

impl Actor for Pool {
    type Msg = PoolMsg;
    type State = PoolState;
    type Arguments = PoolArgs;

    async fn pre_start(&self, _: ActorRef<PoolMsg>, args: PoolArgs) -> Result<PoolState, ActorProcessingErr> {
        Ok(PoolState {
            args,
            tasks: JoinSet::new(),
            running: 0,
            waiting: 0,
            queues: HashMap::new(),
            ready: VecDeque::new(),
            drains: Vec::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<PoolMsg>,
        message: PoolMsg,
        state: &mut PoolState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PoolMsg::Submit { source, work } => state.on_submit(source, work),
            PoolMsg::Ended { source, crashed } => {
                if crashed {
                    // What the panic said stands before this in the log.
                    let ObjectName { namespace, name } = &source;
                    tracing::error!(
                        pool = state.args.name,
                        namespace = &**namespace,
                        name = &**name,
                        "a worker crashed"
                    );
                    metrics::actor_restarted(state.args.name);
                }
                state.on_ended(&source);
            }
            PoolMsg::Drain { reply_to } => state.drains.push(reply_to),
            PoolMsg::Ping { reply_to } => drop(reply_to.send(())),
        }
        state.dispatch(&myself);
        state.answer_drains();
        Ok(())
    }

    /// Nothing runs on when this is over: the state itself lives until the supervisor takes note of our end.
    async fn post_stop(&self, _: ActorRef<PoolMsg>, state: &mut PoolState) -> Result<(), ActorProcessingErr> {
        state.queues.clear();
        state.tasks.shutdown().await;
        Ok(())
    }
}

impl PoolState {
    fn on_submit(&mut self, source: ObjectName, work: Work) {
        self.waiting += 1;
        if let Some(queue) = self.queues.get_mut(&source) {
            queue.push_back(work);
        } else {
            self.queues.insert(source.clone(), VecDeque::from([work]));
            self.ready.push_back(source);
        }
    }

    fn on_ended(&mut self, source: &ObjectName) {
        self.running -= 1;
        while self.tasks.try_join_next().is_some() {}
        if self.queues.get(source).is_some_and(VecDeque::is_empty) {
            self.queues.remove(source);
        } else {
            self.ready.push_back(source.clone());
        }
    }

    fn dispatch(&mut self, myself: &ActorRef<PoolMsg>) {
        while self.running < self.args.limit {
            let Some(source) = self.ready.pop_front() else { break };
            let Some(work) = self.queues.get_mut(&source).and_then(VecDeque::pop_front) else { continue };
            let ended = OnDrop::new(myself.clone(), |crashed| PoolMsg::Ended { source, crashed });
            self.waiting -= 1;
            self.running += 1;
            self.tasks.spawn(async move {
                let _ended = ended;
                work.await;
            });
        }
        metrics::queue(self.args.name, self.waiting, self.running);
    }

    fn answer_drains(&mut self) {
        if self.queues.is_empty() {
            for reply_to in self.drains.drain(..) {
                let _ = reply_to.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
