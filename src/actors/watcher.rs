//! Pumps the catalog's changes to the supervisor, one acknowledged message at a time, so that a slow supervisor slows
//! the watch instead of filling a mailbox.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::task::AbortHandle;

use super::on_drop::OnDrop;
use super::supervisor::SupervisorMsg;
use crate::catalog::{Catalog, Change};
use crate::telemetry::outages::{Dependency, Outages};

/// Longest time that the supervisor may take for one change; it needs microseconds.
const ACK_TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two questions to a catalog that did not answer.
const PROBE_PERIOD: Duration = Duration::from_secs(5);

/// Messages of the watcher.
pub enum WatcherMsg {
    /// From our own task: the stream ended, which it never should.
    Ended,
}

/// What the watcher starts with.
pub struct WatcherArgs {
    /// What is watched.
    pub catalog: Arc<dyn Catalog>,
    /// Who is told.
    pub supervisor: ActorRef<SupervisorMsg>,
    /// Number of this watch.
    pub watch: u64,
    /// Told when the watch fails, and when it works again.
    pub outages: Arc<Outages>,
}

/// Stops the pump when it is dropped.
pub struct Pump(AbortHandle);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The watcher.
pub struct Watcher;

impl Actor for Watcher {
    type Msg = WatcherMsg;
    type State = Pump;
    type Arguments = WatcherArgs;

    async fn pre_start(&self, myself: ActorRef<WatcherMsg>, args: WatcherArgs) -> Result<Pump, ActorProcessingErr> {
        let ended = OnDrop::new(myself, |_| WatcherMsg::Ended);
        let task = tokio::spawn(async move {
            let _ended = ended;
            pump(args).await;
        });
        Ok(Pump(task.abort_handle()))
    }

    async fn handle(
        &self,
        _: ActorRef<WatcherMsg>,
        message: WatcherMsg,
        _: &mut Pump,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WatcherMsg::Ended => Err("the watch ended".into()),
        }
    }

    /// Closes the watch now: the state itself lives until the supervisor takes note of our end.
    async fn post_stop(&self, _: ActorRef<WatcherMsg>, pump: &mut Pump) -> Result<(), ActorProcessingErr> {
        pump.0.abort();
        Ok(())
    }
}

async fn pump(WatcherArgs { catalog, supervisor, watch, outages }: WatcherArgs) {
    let mut changes = catalog.watch();
    let mut failed = false;
    loop {
        let item = tokio::select! {
            item = changes.next() => item,
            // A watch that works again says nothing until something changes.
            () = reachable(catalog.as_ref()), if failed => {
                outages.over(Dependency::ApiServer);
                failed = false;
                continue;
            }
        };
        match item {
            Some(Ok(change)) => {
                if !tell(&supervisor, watch, change).await {
                    return;
                }
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the watch failed and is tried again");
                outages.begin(Dependency::ApiServer, &error);
                failed = true;
            }
            None => return,
        }
    }
}

/// Whether the supervisor took the change.
async fn tell(supervisor: &ActorRef<SupervisorMsg>, watch: u64, change: Change) -> bool {
    let message = |reply_to| SupervisorMsg::Changed { watch, change, reply_to };
    matches!(supervisor.call(message, Some(ACK_TIMEOUT)).await, Ok(CallResult::Success(())))
}

/// Returns once the catalog answers.
async fn reachable(catalog: &dyn Catalog) {
    loop {
        tokio::time::sleep(PROBE_PERIOD).await;
        if catalog.is_reachable().await {
            return;
        }
    }
}
