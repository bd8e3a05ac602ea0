//! Tells an actor that a task of its own is over, however it ended: by returning, by a panic, or by being aborted.

use ractor::{ActorRef, Message};

/// Sends its message when it is dropped.
pub struct OnDrop<M: Message> {
    actor: ActorRef<M>,
    message: Option<M>,
}

impl<M: Message> OnDrop<M> {
    /// To be moved into the task.
    pub fn tell(actor: ActorRef<M>, message: M) -> Self {
        Self { actor, message: Some(message) }
    }
}

impl<M: Message> Drop for OnDrop<M> {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // An actor that is gone has no use for it.
            let _ = self.actor.cast(message);
        }
    }
}
