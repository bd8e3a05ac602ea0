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
use crate::catalog::Catalog;

/// Longest time that the supervisor may take for one change; it needs microseconds.
const ACK_TIMEOUT: Duration = Duration::from_secs(30);

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
        let ended = OnDrop::tell(myself, |_| WatcherMsg::Ended);
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

async fn pump(WatcherArgs { catalog, supervisor, watch }: WatcherArgs) {
    let mut changes = catalog.watch();
    while let Some(item) = changes.next().await {
        let change = match item {
            Ok(change) => change,
            Err(error) => {
                tracing::warn!(%error, "the watch failed and is tried again");
                continue;
            }
        };
        let told =
            supervisor.call(|reply_to| SupervisorMsg::Changed { watch, change, reply_to }, Some(ACK_TIMEOUT)).await;
        if !matches!(told, Ok(CallResult::Success(()))) {
            return;
        }
    }
}
