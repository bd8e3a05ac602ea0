//! Which firings count, and that nothing is left of timers that are gone.

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::actors::testing::{Recorder, until};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    A,
    B,
}

type Firing = (Key, u64);

const SECOND: Duration = Duration::from_secs(1);

async fn timers() -> (Timers<Key>, ActorRef<Firing>, UnboundedReceiver<Firing>) {
    let (actor, firings) = Recorder::spawn().await;
    (Timers::new(), actor, firings)
}

fn firing(key: Key, setting: u64) -> Firing {
    (key, setting)
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_once_and_counts_once() {
    let (mut timers, actor, mut firings) = timers().await;
    timers.set(Key::A, 2 * SECOND, actor.clone(), firing);
    timers.set(Key::B, SECOND, actor, firing);
    let (first, second) = (firings.recv().await.unwrap(), firings.recv().await.unwrap());
    assert_eq!((first.0, second.0), (Key::B, Key::A));
    assert!(timers.take(first.0, first.1) && timers.take(second.0, second.1));
    assert!(!timers.take(first.0, first.1) && !timers.take(second.0, second.1));
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_set_anew_fires_at_the_new_time_only() {
    let (mut timers, actor, mut firings) = timers().await;
    let started = tokio::time::Instant::now();
    timers.set(Key::A, SECOND, actor.clone(), firing);
    timers.set(Key::A, 5 * SECOND, actor.clone(), firing);
    timers.set(Key::B, 9 * SECOND, actor, firing);
    let (key, setting) = firings.recv().await.unwrap();
    assert_eq!((key, started.elapsed().as_secs()), (Key::A, 5));
    assert!(timers.take(key, setting));
    assert_eq!(firings.recv().await.unwrap().0, Key::B);
}

#[tokio::test(start_paused = true)]
async fn a_firing_that_is_in_the_mailbox_already_does_not_count_once_its_timer_is_set_anew_or_cleared() {
    let (mut timers, actor, mut firings) = timers().await;
    timers.set(Key::A, SECOND, actor.clone(), firing);
    timers.set(Key::B, SECOND, actor.clone(), firing);
    let stale = [firings.recv().await.unwrap(), firings.recv().await.unwrap()];
    timers.set(Key::A, SECOND, actor, firing);
    timers.clear(Key::B);
    for (key, setting) in stale {
        assert!(!timers.take(key, setting), "{key:?}");
    }
    let (key, setting) = firings.recv().await.unwrap();
    assert!(key == Key::A && timers.take(key, setting));
}

#[tokio::test(start_paused = true)]
async fn timers_that_are_cleared_or_dropped_send_nothing_and_hold_on_to_no_actor() {
    let (mut timers, actor, mut firings) = timers().await;
    let before = Handle::current().metrics().num_alive_tasks();
    timers.set(Key::A, SECOND, actor.clone(), firing);
    timers.set(Key::B, SECOND, actor.clone(), firing);
    timers.clear(Key::A);
    until("the cleared one is gone", || Handle::current().metrics().num_alive_tasks() == before + 1).await;
    drop(timers);
    // Each task holds the actor's mailbox.
    until("all are gone", || Handle::current().metrics().num_alive_tasks() == before).await;
    let mut later = Timers::new();
    later.set(Key::A, 2 * SECOND, actor, |key, _| (key, u64::MAX));
    assert_eq!(firings.recv().await, Some((Key::A, u64::MAX)));
}
