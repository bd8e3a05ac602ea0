//! Keeps a round from being in anybody's way.

use std::time::Duration;

use tokio::time::Instant;

/// Longest rest: what took longer was not slow because of us.
const LONGEST: Duration = Duration::from_secs(1);

/// Rests as long as the work before it took, so that at most half of any stretch of time is ours.
pub(super) struct Pace {
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { since: Instant::now() }
    }

    /// To be called between two pieces of work.
    pub(super) async fn rest(&mut self) {
        let rest = self.since.elapsed().min(LONGEST);
        // The timer is no finer than this.
        if rest >= Duration::from_millis(1) {
            tokio::time::sleep(rest).await;
            self.since = Instant::now();
        }
    }
}
