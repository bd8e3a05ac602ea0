//! Blocks on their way through several threads, in order again at the end. Bounded: for each thread, the block that it
//! works on and one that waits.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::block::{Block, Compressed};
use super::helpers::{Helpers, Permit};

/// The thread that writes, and the helpers that it could get.
pub(super) struct Crew {
    helpers: &'static Helpers,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    submitted: u64,
    settled: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is a block to compress, or no more will come.
    work: Condvar,
    /// A block is done.
    done: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Block)>,
    done: BTreeMap<u64, io::Result<Compressed>>,
    is_over: bool,
}

impl Default for Crew {
    fn default() -> Self {
        Self::of(Helpers::of_this_machine())
    }
}

impl Crew {
    /// With these helpers.
    pub fn of(helpers: &'static Helpers) -> Self {
        Self { helpers, threads: Vec::new(), shared: Arc::default(), submitted: 0, settled: 0 }
    }

    /// Helpers at work.
    #[cfg(test)]
    pub fn helpers_at_work(&self) -> usize {
        self.threads.len()
    }

    /// Adds the next block.
    pub fn submit(&mut self, block: Block) {
        self.shared.lock().waiting.push_back((self.submitted, block));
        self.submitted += 1;
        if let Some(permit) = self.helpers.permit() {
            let shared = Arc::clone(&self.shared);
            // Without a thread the work is done all the same.
            let helper = thread::Builder::new().name("gzip".to_owned()).spawn(move || shared.help(&permit));
            self.threads.extend(helper);
        }
        self.shared.work.notify_one();
    }

    /// The next block in order if it is done, or if there are too many under way; then it is waited for.
    pub fn make_room(&mut self) -> io::Result<Option<Compressed>> {
        let under_way = (self.submitted - self.settled) as usize;
        if under_way > 2 * self.threads.len() {
            return self.settle();
        }
        let done = self.shared.lock().done.remove(&self.settled);
        self.settled += u64::from(done.is_some());
        done.transpose()
    }

    /// The next block in order, which is waited for, and worked on meanwhile; `None` when there is none.
    pub fn settle(&mut self) -> io::Result<Option<Compressed>> {
        if self.settled == self.submitted {
            return Ok(None);
        }
        let mut state = self.shared.lock();
        loop {
            if let Some(done) = state.done.remove(&self.settled) {
                self.settled += 1;
                return done.map(Some);
            }
            state = match state.waiting.pop_front() {
                Some((number, block)) => {
                    drop(state);
                    self.shared.finish(number, block.compress())
                }
                None => self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Drop for Crew {
    /// Returns once no helper is left, which takes no longer than a block does.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        state.waiting.clear();
        drop(state);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    // Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, number: u64, outcome: io::Result<Compressed>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.done.insert(number, outcome);
        state
    }

    /// What a helper does until no more blocks will come.
    fn help(&self, _permit: &Permit) {
        let mut state = self.lock();
        while !state.is_over {
            state = match state.waiting.pop_front() {
                Some((number, block)) => {
                    drop(state);
                    // Somebody waits for the outcome, whatever it is.
                    let outcome = catch_unwind(AssertUnwindSafe(|| block.compress()));
                    drop(block);
                    let state = self.finish(number, outcome.unwrap_or_else(|_| Err(io::Error::other("it crashed"))));
                    self.done.notify_one();
                    state
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
