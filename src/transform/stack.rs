//! A thread with a large stack: expressions, and values that are nested deeply, are worked on by recursion.

use std::thread;

/// Stacks to try, in bytes. The pages that are not touched cost nothing but address space, of which there may be little.
const SIZES: [usize; 4] = [256 << 20, 128 << 20, 64 << 20, 16 << 20];

/// Runs `work` on the largest stack that can be had. `None` when it panicked, or no thread can be had.
pub(super) fn on_large_stack<T: Send>(work: impl Fn() -> T + Sync) -> Option<T> {
    thread::scope(|scope| {
        let start = |size| thread::Builder::new().stack_size(size).spawn_scoped(scope, &work).ok();
        SIZES.into_iter().find_map(start)?.join().ok()
    })
}
