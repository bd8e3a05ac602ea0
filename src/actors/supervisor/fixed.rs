//! The children that exist once. Others reach them through handles that survive a restart.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor as _, ActorCell, ActorId, ActorRef, SpawnErr};

use super::{Child, SupervisorMsg, SupervisorState};
use crate::actors::artifact_server::{ArtifactServer, ArtifactServerMsg};
use crate::actors::collector::{Collector, CollectorArgs};
use crate::actors::context::Pools;
use crate::actors::pool::{Pool, PoolArgs, PoolHandle};
use crate::actors::restart::{History, Restart};
use crate::actors::watcher::{Watcher, WatcherArgs};
use crate::telemetry::metrics;

/// Archives that are stored, looked for or deleted at once: enough to keep a disk or a network busy.
const STORAGE_LIMIT: usize = 8;

/// Writes under way to the API server at once: enough to keep it busy while each waits for its answer.
const PUBLISHER_LIMIT: usize = 16;

/// How long a child may take to stop: its handlers take microseconds.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The children that exist once, in the order of their start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fixed {
    /// Stores, verifies and deletes archives.
    Storage,
    /// Writes objects.
    Publisher,
    /// Builds archives.
    Packager,
    /// Asks origins.
    Fetcher,
    /// Runs what surrounds a request of a source that has hooks.
    Hooks,
    /// Runs the transformations and assertions of all others.
    Transformations,
    /// Serves archives.
    ArtifactServer,
    /// Removes what nobody needs; only on the leader.
    Collector,
    /// Tells what changes; only on the leader.
    Watcher,
}

impl Fixed {
    /// Those that run on every replica.
    pub const ALWAYS: [Self; 7] = [
        Self::Storage,
        Self::Publisher,
        Self::Packager,
        Self::Fetcher,
        Self::Hooks,
        Self::Transformations,
        Self::ArtifactServer,
    ];

    /// For logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Publisher => "publisher",
            Self::Packager => "packager",
            Self::Fetcher => "fetcher",
            Self::Hooks => "hooks",
            Self::Transformations => "transformations",
            Self::ArtifactServer => "artifact-server",
            Self::Collector => "collector",
            Self::Watcher => "watcher",
        }
    }

    /// Whether everything else is well without it: then it is never given up, because the end of the process would cost
    /// more than what it leaves undone.
    fn is_dispensable(self) -> bool {
        matches!(self, Self::Collector)
    }
}

/// The incarnations that run, and the crashes of their predecessors.
#[derive(Default)]
pub(super) struct FixedChildren {
    running: HashMap<Fixed, ActorCell>,
    histories: HashMap<Fixed, History>,
}

impl FixedChildren {
    pub(super) fn find(&self, id: ActorId) -> Option<Fixed> {
        self.running.iter().find(|(_, cell)| cell.get_id() == id).map(|(fixed, _)| *fixed)
    }

    pub(super) fn get(&self, fixed: Fixed) -> Option<&ActorCell> {
        self.running.get(&fixed)
    }

    /// Stops the child and waits for it; nothing if it does not run.
    pub(super) async fn stop(&mut self, fixed: Fixed) {
        if let Some(cell) = self.running.remove(&fixed) {
            // What does not stop now is killed with us.
            let _ = cell.stop_and_wait(None, Some(STOP_TIMEOUT)).await;
        }
    }
}

impl SupervisorState {
    pub(super) async fn start_fixed(&mut self, fixed: Fixed, myself: &ActorRef<SupervisorMsg>) -> Result<(), SpawnErr> {
        let pools = self.args.context.pools.clone();
        let settings = &self.args.context.settings;
        let cell = match fixed {
            Fixed::Storage => start_pool(&pools.storage, STORAGE_LIMIT, myself).await?,
            Fixed::Publisher => start_pool(&pools.publisher, PUBLISHER_LIMIT, myself).await?,
            Fixed::Packager => start_pool(&pools.packager, cores(), myself).await?,
            Fixed::Fetcher => start_pool(&pools.fetcher, settings.concurrent, myself).await?,
            Fixed::Hooks => start_pool(&pools.hooks, settings.concurrent_hooks, myself).await?,
            Fixed::Transformations => start_pool(&pools.transformations, settings.concurrent_hooks, myself).await?,
            Fixed::ArtifactServer => match self.args.artifact_server.clone() {
                Some(args) => {
                    let spawned = ractor::Actor::spawn_linked(None, ArtifactServer, args, myself.get_cell()).await?;
                    ActorRef::<ArtifactServerMsg>::get_cell(&spawned.0)
                }
                None => return Ok(()),
            },
            Fixed::Collector => {
                let args = CollectorArgs { context: Arc::clone(&self.args.context), supervisor: myself.clone() };
                Collector::spawn_linked(None, Collector, args, myself.get_cell()).await?.0.get_cell()
            }
            Fixed::Watcher => {
                let catalog = Arc::clone(&self.args.context.catalog);
                let watch = self.sources.begin_watch();
                let outages = Arc::clone(&self.args.context.outages);
                let args = WatcherArgs { catalog, supervisor: myself.clone(), watch, outages };
                Watcher::spawn_linked(None, Watcher, args, myself.get_cell()).await?.0.get_cell()
            }
        };
        self.fixed.running.insert(fixed, cell);
        Ok(())
    }

    /// Starts the child; a failed start counts as a crash.
    pub(super) async fn restart_fixed(&mut self, fixed: Fixed, myself: &ActorRef<SupervisorMsg>) {
        if let Err(error) = self.start_fixed(fixed, myself).await {
            tracing::error!(actor = fixed.name(), %error, "an actor could not be started");
            self.fixed_crashed(fixed, myself);
        }
    }

    pub(super) fn fixed_crashed(&mut self, fixed: Fixed, myself: &ActorRef<SupervisorMsg>) {
        self.fixed.running.remove(&fixed);
        metrics::actor_restarted(fixed.name());
        let now = self.started.elapsed();
        let history = self.fixed.histories.entry(fixed).or_default();
        if fixed.is_dispensable() {
            let delay = history.failed_alone(now);
            return self.restart_after(Child::Fixed(fixed), delay, myself);
        }
        match history.failed(now) {
            Restart::After(delay) => self.restart_after(Child::Fixed(fixed), delay, myself),
            Restart::GiveUp => {
                tracing::error!(actor = fixed.name(), "an actor cannot be kept alive: the process ends");
                myself.stop(Some(format!("{} cannot be kept alive", fixed.name())));
            }
        }
    }
}

async fn start_pool(
    handle: &PoolHandle,
    limit: usize,
    myself: &ActorRef<SupervisorMsg>,
) -> Result<ActorCell, SpawnErr> {
    let args = PoolArgs { name: handle.name(), limit };
    let (actor, _) = Pool::spawn_linked(None, Pool, args, myself.get_cell()).await?;
    handle.connect(actor.clone());
    Ok(actor.get_cell())
}

/// Packaging is work for the processor alone.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether all pools answer; for the liveness probe.
pub async fn pools_answer(pools: &Pools, timeout: Duration) -> bool {
    let answers = pools.all().map(|pool| pool.is_alive(timeout));
    futures::future::join_all(answers).await.into_iter().all(|alive| alive)
}
