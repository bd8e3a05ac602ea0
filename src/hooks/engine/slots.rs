//! Places for what runs: some have one, some wait for their turn, and no more than that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many wait, at most, for each that runs. A queue that is longer would only hold what is tried again anyway.
const WAITING_PER_RUNNING: usize = 16;

/// How long one waits for its turn. A caller may count on an answer within this and its own time limit.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Everything is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all places for {0} are taken")]
pub(super) struct Busy(&'static str);

/// The places.
#[derive(Debug)]
pub(super) struct Slots {
    what: &'static str,
    free: Arc<Semaphore>,
    running: usize,
    waiting: AtomicUsize,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "it is given back by being dropped")] OwnedSemaphorePermit);

impl Slots {
    /// Places for so many of `what` at once.
    pub(super) fn new(what: &'static str, running: usize) -> Self {
        Self { what, free: Arc::new(Semaphore::new(running)), running, waiting: AtomicUsize::new(0) }
    }

    /// Takes a place, after those who came before.
    pub(super) async fn take(&self) -> Result<Slot, Busy> {
        let busy = Busy(self.what);
        let _waiting = Waiting::begin(&self.waiting, self.running * WAITING_PER_RUNNING).ok_or(busy)?;
        let taken = tokio::time::timeout(PATIENCE, Arc::clone(&self.free).acquire_owned()).await;
        // The semaphore is never closed.
        taken.map_err(|_| busy)?.map(Slot).map_err(|_| busy)
    }

    pub(super) fn running(&self) -> usize {
        self.running - self.free.available_permits().min(self.running)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// One that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let this = Self(waiting);
        (before < limit).then_some(this)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_run_some_wait_and_the_rest_is_told_at_once() {
        let slots = Arc::new(Slots::new("commands", 2));
        let (one, two) = (slots.take().await.unwrap(), slots.take().await.unwrap());
        assert_eq!((slots.running(), slots.waiting()), (2, 0));
        let waiting: Vec<_> = (0..32)
            .map(|_| {
                let slots = Arc::clone(&slots);
                tokio::spawn(async move { slots.take().await })
            })
            .collect();
        while slots.waiting() < 32 {
            tokio::task::yield_now().await;
        }
        assert_eq!(slots.take().await.unwrap_err(), Busy("commands"));
        assert_eq!((slots.running(), slots.waiting()), (2, 32));
        drop((one, two));
        for task in waiting {
            assert!(task.await.unwrap().is_ok());
        }
        assert_eq!((slots.running(), slots.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_good() {
        let slots = Slots::new("commands", 1);
        let _one = slots.take().await.unwrap();
        assert_eq!(slots.take().await.unwrap_err(), Busy("commands"));
        assert_eq!(slots.waiting(), 0);
    }
}
