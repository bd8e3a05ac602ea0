//! Tells an actor that a task of its own is over, however it ended: by returning, by a panic, or by being aborted.

use ractor::{ActorRef, Message};

/// Sends its message when it is dropped.
pub struct OnDrop<M: Message, F: FnOnce(bool) -> M> {
    actor: ActorRef<M>,
    message: Option<F>,
}

impl<M: Message, F: FnOnce(bool) -> M> OnDrop<M, F> {
    /// To be moved into the task; `message` is told whether the task panicked.
    pub fn new(actor: ActorRef<M>, message: F) -> Self {
        Self { actor, message: Some(message) }
    }
}

impl<M: Message, F: FnOnce(bool) -> M> Drop for OnDrop<M, F> {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // An actor that is gone has no use for it.
            let _ = self.actor.cast(message(std::thread::panicking()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::testing::Recorder;

    #[tokio::test]
    async fn every_end_of_a_task_is_told_once_and_a_panic_as_such() {
        let (actor, mut told) = Recorder::spawn().await;
        let guard = |name: &'static str| OnDrop::new(actor.clone(), move |panicked| (name, panicked));
        let (returns, panics, aborted, unused) = (guard("returns"), guard("panics"), guard("aborted"), guard("unused"));
        tokio::spawn(async move { drop(returns) });
        assert_eq!(told.recv().await, Some(("returns", false)));
        tokio::spawn(async move {
            let _guard = panics;
            panic!("on purpose");
        });
        assert_eq!(told.recv().await, Some(("panics", true)));
        let pending = tokio::spawn(async move {
            let _guard = aborted;
            std::future::pending::<()>().await;
        });
        pending.abort();
        assert_eq!(told.recv().await, Some(("aborted", false)));
        drop(unused);
        assert_eq!(told.recv().await, Some(("unused", false)));
        assert!(told.try_recv().is_err());
    }
}
