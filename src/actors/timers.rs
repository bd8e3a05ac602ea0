//! Keyed timers of one actor. Each setting has a number: a firing that was already in the mailbox when its timer was
//! set anew or cleared is recognised and ignored.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use ractor::{ActorRef, Message};
use tokio::task::AbortHandle;

/// The pending timers; dropping them stops them all.
pub struct Timers<K> {
    pending: HashMap<K, Pending>,
    settings: u64,
}

struct Pending {
    setting: u64,
    task: AbortHandle,
}

impl<K: Copy + Eq + Hash + Send + 'static> Timers<K> {
    /// No timers.
    pub fn new() -> Self {
        Self { pending: HashMap::new(), settings: 0 }
    }

    /// Sends what `message` makes of the key and this setting's number to `actor` after `delay`.
    pub fn set<M: Message>(&mut self, key: K, delay: Duration, actor: ActorRef<M>, message: fn(K, u64) -> M) {
        self.settings += 1;
        let setting = self.settings;
        let task = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // An actor that is gone needs no timer.
            let _ = actor.cast(message(key, setting));
        });
        self.replace(key, Some(Pending { setting, task: task.abort_handle() }));
    }

    /// Lets the timer not fire.
    pub fn clear(&mut self, key: K) {
        self.replace(key, None);
    }

    /// Whether this firing is the one of the latest setting; if so, the timer is no longer pending.
    pub fn take(&mut self, key: K, setting: u64) -> bool {
        let current = self.pending.get(&key).is_some_and(|pending| pending.setting == setting);
        if current {
            self.pending.remove(&key);
        }
        current
    }

    fn replace(&mut self, key: K, pending: Option<Pending>) {
        let before = match pending {
            Some(pending) => self.pending.insert(key, pending),
            None => self.pending.remove(&key),
        };
        if let Some(before) = before {
            before.task.abort();
        }
    }
}

impl<K> Drop for Timers<K> {
    fn drop(&mut self) {
        for pending in self.pending.values() {
            pending.task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
