//! How many threads may help with compression at once, in the whole process: with each archive one thread works anyway,
//! and more threads than cores would only wait for each other.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Helpers beyond these would wait for whoever reads, hashes and writes.
const MOST: usize = 7;

/// A number of permits.
pub(super) struct Helpers {
    free: AtomicUsize,
}

/// The right to be one helper; given back when dropped.
pub(super) struct Permit(&'static Helpers);

impl Helpers {
    pub const fn new(count: usize) -> Self {
        Self { free: AtomicUsize::new(count) }
    }

    /// One for each core that this process may use, but one.
    pub fn of_this_machine() -> &'static Self {
        static HELPERS: LazyLock<Helpers> = LazyLock::new(|| {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            Helpers::new((cores - 1).min(MOST))
        });
        &HELPERS
    }

    /// One of them, if one is free.
    pub fn permit(&'static self) -> Option<Permit> {
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        taken.is_ok().then(|| Permit(self))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}
