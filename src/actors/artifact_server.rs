//! Owns the task that serves artifacts; not on the path of a request.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::on_drop::OnDrop;
use crate::http;
use crate::http::ServerSettings;
use crate::http::artifacts::Artifacts;

/// What the artifact server starts with, also after a crash: the listener stays open meanwhile.
#[derive(Clone)]
pub struct ArtifactServerArgs {
    /// Where connections arrive.
    pub listener: Arc<TcpListener>,
    /// What is served.
    pub artifacts: Artifacts,
    /// Bounds of the server.
    pub settings: ServerSettings,
    /// How long open downloads may take to finish at shutdown.
    pub grace: Duration,
}

/// Messages of the artifact server's actor.
pub enum ArtifactServerMsg {
    /// From our own task: the server ended without being asked to.
    Ended,
    /// From the supervisor: no new connections; answered when the open downloads are finished or cut.
    Shutdown {
        /// Answered at the end.
        reply_to: RpcReplyPort<()>,
    },
}

/// The running server.
pub struct Serving {
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The actor.
pub struct ArtifactServer;

impl Actor for ArtifactServer {
    type Msg = ArtifactServerMsg;
    type State = Serving;
    type Arguments = ArtifactServerArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<ArtifactServerMsg>,
        args: ArtifactServerArgs,
    ) -> Result<Serving, ActorProcessingErr> {
        let listener = args.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let ended = OnDrop::new(myself, |_| ArtifactServerMsg::Ended);
        let task = tokio::spawn(async move {
            let _ended = ended;
            http::serve(listener, args.artifacts, args.settings, stop, args.grace).await;
        });
        Ok(Serving { shutdown, task: Some(task) })
    }

    async fn handle(
        &self,
        _: ActorRef<ArtifactServerMsg>,
        message: ArtifactServerMsg,
        state: &mut Serving,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ArtifactServerMsg::Ended if state.shutdown.is_cancelled() => Ok(()),
            ArtifactServerMsg::Ended => Err("the artifact server ended".into()),
            ArtifactServerMsg::Shutdown { reply_to } => {
                state.shutdown.cancel();
                if let Some(task) = state.task.take() {
                    let _ = task.await;
                }
                let _ = reply_to.send(());
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
