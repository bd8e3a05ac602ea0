//! Turns per host: at most so many requests at once to one host and port, so that a hundred sources of one API do not
//! open a hundred connections to it in the same second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

type Hosts = Mutex<HashMap<String, Arc<Semaphore>>>;

/// Hands out turns. Holds an entry only for hosts that somebody waits for or talks to.
pub(super) struct Slots {
    limit: usize,
    hosts: Arc<Hosts>,
}

/// A turn with one host; given back when dropped.
pub(super) struct Slot {
    host: String,
    hosts: Arc<Hosts>,
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// `limit` turns per host at once; 0 is no limit, as in Go's `http.Transport.MaxConnsPerHost`.
    pub(super) fn new(limit: usize) -> Self {
        let limit = if limit == 0 { Semaphore::MAX_PERMITS } else { limit.min(Semaphore::MAX_PERMITS) };
        Self { limit, hosts: Arc::default() }
    }

    /// Waits for a turn with the host of `url`.
    pub(super) async fn acquire(&self, url: &Url) -> Slot {
        let host =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let semaphore =
            Arc::clone(lock(&self.hosts).entry(host.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.limit))));
        // Made before the wait, so that giving up on the wait tidies up too.
        let hosts = Arc::clone(&self.hosts);
        let mut slot = Slot { host, hosts, semaphore: Some(Arc::clone(&semaphore)), permit: None };
        // Never closed, so there is always a permit in the end.
        slot.permit = semaphore.acquire_owned().await.ok();
        slot
    }

    #[cfg(test)]
    fn hosts(&self) -> usize {
        lock(&self.hosts).len()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        drop(self.permit.take());
        drop(self.semaphore.take());
        let mut hosts = lock(&self.hosts);
        // Clones are made under the lock only: if the map holds the last one, nobody waits for this host.
        if hosts.get(&self.host).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            hosts.remove(&self.host);
        }
    }
}

fn lock(hosts: &Hosts) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_host_has_as_many_turns_as_the_limit_says() {
        let slots = Slots::new(2);
        let first = slots.acquire(&url("http://a.test/1")).await;
        let _second = slots.acquire(&url("http://a.test:80/2")).await;
        assert!(slots.acquire(&url("http://a.test/3")).now_or_never().is_none());
        assert!(slots.acquire(&url("http://a.test:81/")).now_or_never().is_some());
        drop(first);
        assert!(slots.acquire(&url("http://a.test/3")).now_or_never().is_some());
    }

    #[tokio::test]
    async fn hosts_are_forgotten_after_use_and_after_a_wait_that_was_given_up() {
        let slots = Slots::new(1);
        let url = url("http://a.test/");
        let held = slots.acquire(&url).await;
        let mut waiting = Box::pin(slots.acquire(&url));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        assert_eq!(slots.hosts(), 1);
        drop(waiting);
        assert_eq!(slots.hosts(), 0);
    }

    #[tokio::test]
    async fn zero_is_no_limit() {
        let slots = Slots::new(0);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(slots.acquire(&url("http://a.test/")).now_or_never().unwrap());
        }
        drop(held);
        assert_eq!(slots.hosts(), 0);
    }
}
