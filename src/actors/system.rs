//! The tree of actors as the process sees it: started, told whether to lead, asked whether it lives, stopped.

use std::sync::Arc;
use std::time::Duration;

use ractor::rpc::CallResult;
use ractor::{Actor as _, ActorRef, SpawnErr};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::artifact_server::ArtifactServerArgs;
use super::context::{Context, Pools};
use super::supervisor::{Supervisor, SupervisorArgs, SupervisorMsg, pools_answer};

/// How long an actor may take to answer the liveness probe: they need microseconds.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How much longer than its deadline a shutdown may take before it is cut off.
const MARGIN: Duration = Duration::from_secs(2);

/// What the tree is made of.
pub struct SystemArgs {
    /// What the sources work with.
    pub context: Arc<Context>,
    /// The artifact server, unless it is switched off.
    pub artifact_server: Option<ArtifactServerArgs>,
    /// Called every time everything that existed at the start of a watch is known.
    pub on_synced: Arc<dyn Fn() + Send + Sync>,
}

/// The running tree.
pub struct System {
    supervisor: ActorRef<SupervisorMsg>,
    task: JoinHandle<()>,
    pools: Pools,
}

/// Reaches the running tree; cheap to clone.
#[derive(Clone)]
pub struct SystemHandle {
    supervisor: ActorRef<SupervisorMsg>,
    pools: Pools,
}

/// The tree could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the actors could not be started: {0}")]
pub struct StartError(#[from] SpawnErr);

impl System {
    /// Starts the tree; it stands by until it is told to lead.
    pub async fn start(args: SystemArgs) -> Result<Self, StartError> {
        let pools = args.context.pools.clone();
        let SystemArgs { context, artifact_server, on_synced } = args;
        let args = SupervisorArgs { context, artifact_server, on_synced };
        let (supervisor, task) = Supervisor::spawn(None, Supervisor, args).await?;
        Ok(Self { supervisor, task, pools })
    }

    /// For those who talk to the tree without owning it.
    pub fn handle(&self) -> SystemHandle {
        SystemHandle { supervisor: self.supervisor.clone(), pools: self.pools.clone() }
    }

    /// Waits for the end of the tree. Without a shutdown it never ends unless something cannot be kept alive.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }

    /// Stops, in this order, watch, sources, writes under way and pools: after that, nothing is written.
    pub async fn stop_work(&self, deadline: Instant) {
        let stop = |reply_to| SupervisorMsg::StopWork { deadline, reply_to };
        let _ = self.supervisor.call(stop, Some(budget(deadline))).await;
    }

    /// After the work: lets open downloads finish, and ends the tree.
    pub async fn stop_serving(self, deadline: Instant) {
        let stop = |reply_to| SupervisorMsg::StopServing { deadline, reply_to };
        let _ = self.supervisor.call(stop, Some(budget(deadline))).await;
        self.supervisor.kill();
        let _ = self.task.await;
    }
}

/// The supervisor keeps the deadline itself; this is for one that is stuck.
fn budget(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()) + MARGIN
}

impl SystemHandle {
    /// Says whether this replica works or stands by.
    pub fn lead(&self, leading: bool) {
        let _ = self.supervisor.cast(SupervisorMsg::Lead(leading));
    }

    /// Whether the supervisor and all pools answer.
    pub async fn is_alive(&self) -> bool {
        let answer = self.supervisor.call(|reply_to| SupervisorMsg::Ping { reply_to }, Some(PING_TIMEOUT)).await;
        matches!(answer, Ok(CallResult::Success(()))) && pools_answer(&self.pools, PING_TIMEOUT).await
    }
}
