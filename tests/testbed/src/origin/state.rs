//! What an origin shares between its connections and the test.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Recorded, Reply};

pub(super) type Handler = Box<dyn FnMut(&Recorded) -> Reply + Send>;

/// Routes and records.
#[derive(Default)]
pub(super) struct State {
    routes: Mutex<HashMap<String, Handler>>,
    requests: Mutex<Vec<Recorded>>,
    connections: AtomicUsize,
}

impl State {
    pub fn set(&self, path: &str, handler: Handler) {
        lock(&self.routes).insert(path.to_owned(), handler);
    }

    /// Records a request and gives the reply to it.
    pub fn answer(&self, request: Recorded) -> Reply {
        let reply = match lock(&self.routes).get_mut(&request.path) {
            Some(handler) => handler(&request),
            None => Reply::status(404),
        };
        let reply = reply.for_request(&request);
        lock(&self.requests).push(request);
        reply
    }

    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.requests).clone()
    }

    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn forget(&self) {
        lock(&self.requests).clear();
        self.connections.store(0, Ordering::Relaxed);
    }
}

/// A handler that panicked must not take the other routes with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
