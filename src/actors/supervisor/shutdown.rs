//! The order in which everything stops, so that nothing is published half and nothing new begins. All steps share one
//! deadline.

use ractor::ActorRef;
use ractor::rpc::CallResult;
use tokio::time::Instant;

use super::{Fixed, SupervisorState};
use crate::actors::artifact_server::ArtifactServerMsg;

impl SupervisorState {
    /// Collector, watcher, sources (which gives up fetches and packaging), writes under way, pools.
    pub(super) async fn stop_work(&mut self, deadline: Instant) {
        self.stopping = true;
        self.fixed.stop(Fixed::Collector).await;
        self.fixed.stop(Fixed::Watcher).await;
        tracing::debug!("shutdown: the watcher stopped");
        self.sources.stop_all().await;
        tracing::debug!("shutdown: the sources stopped");
        let budget = deadline.saturating_duration_since(Instant::now());
        if !self.args.context.pools.publisher.drain(budget).await {
            tracing::warn!("shutdown: some writes did not end within the grace period");
        }
        tracing::debug!("shutdown: the publisher is drained");
        for pool in [Fixed::Fetcher, Fixed::Packager, Fixed::Storage, Fixed::Publisher] {
            self.fixed.stop(pool).await;
        }
        tracing::debug!("shutdown: the pools stopped");
    }

    /// No new connections; open downloads may finish.
    pub(super) async fn stop_serving(&mut self, deadline: Instant) {
        // Kept for restarts; while it is open, the kernel goes on accepting connections that nobody will answer.
        self.args.artifact_server = None;
        let Some(cell) = self.fixed.get(Fixed::ArtifactServer) else { return };
        let server = ActorRef::<ArtifactServerMsg>::from(cell.clone());
        let budget = deadline.saturating_duration_since(Instant::now());
        let stopped = server.call(|reply_to| ArtifactServerMsg::Shutdown { reply_to }, Some(budget)).await;
        if !matches!(stopped, Ok(CallResult::Success(()))) {
            tracing::warn!("shutdown: some downloads did not end within the grace period");
        }
        self.fixed.stop(Fixed::ArtifactServer).await;
        tracing::debug!("shutdown: the artifact server stopped");
    }
}
