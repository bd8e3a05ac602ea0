//! The root: the fixed children, one actor per source, and the rules by which both are restarted.
//!
//! One-for-one: a crash restarts only who crashed, with backoff, from the truth (the objects and the storage). A fixed
//! child that cannot be kept alive ends the process; a source that crashes again and again troubles only itself.

mod collect;
mod fixed;
mod shutdown;
mod sources;

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use tokio::time::Instant;

use fixed::FixedChildren;
pub use fixed::{Fixed, pools_answer};
use sources::Sources;

use super::artifact_server::ArtifactServerArgs;
use super::collector::Ask;
use super::context::Context;
use crate::api::ObjectName;
use crate::catalog::Change;

/// Messages of the supervisor.
pub enum SupervisorMsg {
    /// From the watcher: something changed; answered once it is passed on, and never by a later watch's supervisor.
    Changed {
        /// Number of the watch.
        watch: u64,
        /// What changed.
        change: Change,
        /// Answered at once.
        reply_to: RpcReplyPort<()>,
    },
    /// From the lease: whether this replica works or stands by.
    Lead(bool),
    /// From the garbage collector: what it asks or found; answered at once.
    Collector(Ask),
    /// From our own timer: start the crashed child again.
    Restart(Child),
    /// From the liveness probe: answered at once.
    Ping {
        /// Answered at once.
        reply_to: RpcReplyPort<()>,
    },
    /// From the process: stop whatever leads to a write; answered once the last write is over.
    StopWork {
        /// When it has to be over.
        deadline: Instant,
        /// Answered at the end.
        reply_to: RpcReplyPort<()>,
    },
    /// From the process, after the work: let open downloads finish; answered at the end, which is ours too.
    StopServing {
        /// When it has to be over.
        deadline: Instant,
        /// Answered at the end.
        reply_to: RpcReplyPort<()>,
    },
}

/// A child that can be restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    /// One of the fixed children.
    Fixed(Fixed),
    /// The actor of a source.
    Source(ObjectName),
}

/// What the supervisor starts with.
pub struct SupervisorArgs {
    /// What the sources work with.
    pub context: Arc<Context>,
    /// The artifact server, unless it is switched off.
    pub artifact_server: Option<ArtifactServerArgs>,
    /// Called once everything that existed at the start of the watch is known.
    pub on_synced: Arc<dyn Fn() + Send + Sync>,
}

/// State of the supervisor.
pub struct SupervisorState {
    args: SupervisorArgs,
    fixed: FixedChildren,
    sources: Sources,
    leading: bool,
    started: Instant,
    stopping: bool,
}

/// The root actor.
pub struct Supervisor;

impl Actor for Supervisor {
    type Msg = SupervisorMsg;
    type State = SupervisorState;
    type Arguments = SupervisorArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMsg>,
        args: SupervisorArgs,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let sources = Sources::new(Arc::clone(&args.context));
        let mut state = SupervisorState {
            args,
            fixed: FixedChildren::default(),
            sources,
            leading: false,
            started: Instant::now(),
            stopping: false,
        };
        for child in Fixed::ALWAYS {
            state.start_fixed(child, &myself).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMsg>,
        message: SupervisorMsg,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMsg::Changed { watch, change, reply_to } => {
                // Without an answer, a watch that was replaced ends itself.
                if state.leading && !state.stopping && state.sources.is_current_watch(watch) {
                    state.on_changed(change, &myself).await;
                    let _ = reply_to.send(());
                }
            }
            SupervisorMsg::Lead(leading) => state.on_lead(leading, &myself).await,
            SupervisorMsg::Collector(ask) => state.on_collector(ask),
            SupervisorMsg::Restart(child) => state.on_restart(child, &myself).await,
            SupervisorMsg::Ping { reply_to } => drop(reply_to.send(())),
            SupervisorMsg::StopWork { deadline, reply_to } => {
                state.stop_work(deadline).await;
                let _ = reply_to.send(());
            }
            SupervisorMsg::StopServing { deadline, reply_to } => {
                state.stop_serving(deadline).await;
                let _ = reply_to.send(());
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMsg>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        // Only the id is kept: an event that is held keeps the dead actor's tasks alive.
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => state.on_stopped(&child, &myself).await,
            SupervisionEvent::ActorFailed(child, error) => state.on_crashed(&child, &error, &myself),
            _ => {}
        }
        Ok(())
    }
}

impl SupervisorState {
    async fn on_changed(&mut self, change: Change, myself: &ActorRef<SupervisorMsg>) {
        match change {
            Change::Source(observed) => self.sources.on_source(observed, myself).await,
            Change::SourceGone { name, uid } => self.sources.on_gone(&name, &uid),
            Change::Artifact(artifact) => self.sources.on_artifact(&ObjectName::of(artifact.as_ref()), Some(artifact)),
            Change::ArtifactGone(name) => self.sources.on_artifact(&name, None),
            Change::Synced => {
                self.sources.sweep();
                self.args.context.presence.set_complete(true);
                (self.args.on_synced)();
            }
        }
    }

    async fn on_lead(&mut self, leading: bool, myself: &ActorRef<SupervisorMsg>) {
        if leading == self.leading || self.stopping {
            return;
        }
        self.leading = leading;
        tracing::info!(leading, "leadership changed");
        if leading {
            self.restart_fixed(Fixed::Collector, myself).await;
            self.restart_fixed(Fixed::Watcher, myself).await;
        } else {
            self.fixed.stop(Fixed::Collector).await;
            self.fixed.stop(Fixed::Watcher).await;
            self.sources.stop_all().await;
            self.args.context.presence.reset();
        }
    }

    async fn on_restart(&mut self, child: Child, myself: &ActorRef<SupervisorMsg>) {
        if self.stopping {
            return;
        }
        match child {
            Child::Fixed(Fixed::Collector | Fixed::Watcher) if !self.leading => {}
            // Started by somebody else since the crash.
            Child::Fixed(fixed) if self.fixed.get(fixed).is_some() => {}
            Child::Fixed(fixed) => self.restart_fixed(fixed, myself).await,
            Child::Source(name) => self.sources.start(&name, myself).await,
        }
    }

    async fn on_stopped(&mut self, child: &ActorCell, myself: &ActorRef<SupervisorMsg>) {
        match self.fixed.find(child.get_id()) {
            // Those that we stop are no longer among the running ones.
            Some(fixed) => self.fixed_crashed(fixed, myself),
            None => self.sources.on_stopped(child.get_id(), myself).await,
        }
    }

    fn on_crashed(&mut self, child: &ActorCell, error: &ActorProcessingErr, myself: &ActorRef<SupervisorMsg>) {
        if let Some(fixed) = self.fixed.find(child.get_id()) {
            tracing::error!(actor = fixed.name(), %error, "an actor crashed");
            self.fixed_crashed(fixed, myself);
        } else {
            self.sources.on_crashed(child.get_id(), error, myself);
        }
    }

    fn restart_after(&self, child: Child, delay: Duration, myself: &ActorRef<SupervisorMsg>) {
        if !self.stopping {
            myself.send_after(delay, move || SupervisorMsg::Restart(child));
        }
    }
}

#[cfg(test)]
mod tests;
