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
