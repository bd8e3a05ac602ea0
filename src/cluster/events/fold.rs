//! Decides what becomes of an event that may have been told before; no I/O.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::catalog::EventType;

/// How long an event counts as the same one when it happens again: the API server forgets events after an hour.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Time between two updates of an event that keeps happening: people look at minutes, and a source that fails with
/// every retry must not write with every retry.
const REPEAT_AFTER: Duration = Duration::from_secs(60);

/// Number of events remembered, about 300 bytes each: four for each of a thousand objects. Past it, the oldest is
/// forgotten and would be told as new.
const CAPACITY: usize = 4096;

/// What makes two events the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Uid of the object.
    pub(super) uid: String,
    pub(super) type_: EventType,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What to do with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Create it.
    New,
    /// Update the event object of this name: it has happened so often.
    Again {
        /// Name of the event object.
        name: String,
        /// How often it has happened.
        count: i32,
    },
    /// Counted; told with a later one.
    Silent,
}

#[derive(Debug)]
struct Told {
    name: String,
    count: i32,
    seen_at: Instant,
    sent_at: Instant,
}

/// The events told lately.
#[derive(Debug, Default)]
pub(super) struct Folder {
    told: HashMap<Key, Told>,
}

impl Folder {
    /// What to do with the event, which happened just now.
    pub(super) fn judge(&mut self, key: &Key, now: Instant) -> Verdict {
        let Some(told) = self.told.get_mut(key).filter(|told| now < told.seen_at + FORGET_AFTER) else {
            return Verdict::New;
        };
        told.count = told.count.saturating_add(1);
        told.seen_at = now;
        if now < told.sent_at + REPEAT_AFTER {
            return Verdict::Silent;
        }
        told.sent_at = now;
        Verdict::Again { name: told.name.clone(), count: told.count }
    }

    /// The event was created under this name.
    pub(super) fn created(&mut self, key: Key, name: String, now: Instant) {
        if self.told.len() >= CAPACITY {
            self.told.retain(|_, told| now < told.seen_at + FORGET_AFTER);
        }
        if self.told.len() >= CAPACITY {
            let oldest = self.told.iter().min_by_key(|(_, told)| told.seen_at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.told.remove(&key));
        }
        self.told.insert(key, Told { name, count: 1, seen_at: now, sent_at: now });
    }

    /// The event's object is not there any more.
    pub(super) fn forget(&mut self, key: &Key) {
        self.told.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(message: &str) -> Key {
        Key { uid: "u".into(), type_: EventType::Warning, reason: "FetchFailed", message: message.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_happening_is_counted_and_told_once_a_minute() {
        let mut folder = Folder::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(folder.judge(&key("a"), start), Verdict::New);
        folder.created(key("a"), "event".into(), start);
        assert_eq!(folder.judge(&key("a"), at(10)), Verdict::Silent);
        assert_eq!(folder.judge(&key("a"), at(59)), Verdict::Silent);
        assert_eq!(folder.judge(&key("a"), at(60)), Verdict::Again { name: "event".into(), count: 4 });
        assert_eq!(folder.judge(&key("a"), at(61)), Verdict::Silent);
        assert_eq!(folder.judge(&key("b"), at(61)), Verdict::New, "another message is another event");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_api_server_has_forgotten_is_new_again() {
        let mut folder = Folder::default();
        let start = Instant::now();
        folder.created(key("a"), "event".into(), start);
        assert_eq!(folder.judge(&key("a"), start + FORGET_AFTER), Verdict::New);
        folder.created(key("a"), "second".into(), start);
        folder.forget(&key("a"));
        assert_eq!(folder.judge(&key("a"), start), Verdict::New);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut folder = Folder::default();
        let start = Instant::now();
        for number in 0..=CAPACITY {
            let now = start + Duration::from_millis(number as u64);
            folder.created(key(&number.to_string()), "event".into(), now);
        }
        assert_eq!(folder.told.len(), CAPACITY);
        let now = start + Duration::from_secs(10);
        assert_eq!(folder.judge(&key("0"), now), Verdict::New);
        assert_eq!(folder.judge(&key("1"), now), Verdict::Silent);
    }
}
