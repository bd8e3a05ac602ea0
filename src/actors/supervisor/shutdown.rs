//! The order in which everything stops, so that nothing is published half and nothing new begins.

use ractor::ActorRef;
use ractor::rpc::CallResult;

use super::{Fixed, SupervisorState};
use crate::actors::artifact_server::ArtifactServerMsg;

impl SupervisorState {
    /// Watcher, sources (which gives up fetches and packaging), writes under way, pools, open downloads.
    pub(super) async fn shut_down(&mut self) {
        self.stopping = true;
        self.fixed.stop(Fixed::Watcher).await;
        tracing::debug!("shutdown: the watcher stopped");
        self.sources.stop_all().await;
        tracing::debug!("shutdown: the sources stopped");
        if !self.args.context.pools.publisher.drain(self.args.grace).await {
            tracing::warn!("shutdown: some writes did not end within the grace period");
        }
        tracing::debug!("shutdown: the publisher is drained");
        for pool in [Fixed::Fetcher, Fixed::Packager, Fixed::Storage, Fixed::Publisher] {
            self.fixed.stop(pool).await;
        }
        tracing::debug!("shutdown: the pools stopped");
        self.finish_downloads().await;
        tracing::debug!("shutdown: the artifact server stopped");
    }

    async fn finish_downloads(&mut self) {
        // Kept for restarts; while it is open, the kernel goes on accepting connections that nobody will answer.
        self.args.artifact_server = None;
        let Some(cell) = self.fixed.get(Fixed::ArtifactServer) else { return };
        let server = ActorRef::<ArtifactServerMsg>::from(cell.clone());
        let stopped = server.call(|reply_to| ArtifactServerMsg::Shutdown { reply_to }, Some(self.args.grace * 2)).await;
        if !matches!(stopped, Ok(CallResult::Success(()))) {
            tracing::warn!("shutdown: some downloads did not end within the grace period");
        }
        self.fixed.stop(Fixed::ArtifactServer).await;
    }
}
