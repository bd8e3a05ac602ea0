//! The actors: who does what, and who restarts whom.
//!
//! | actor | how many | mailbox bounded by | restarted from |
//! | --- | --- | --- | --- |
//! | supervisor | 1 | the watcher and the collector, which wait for each answer | never: its end ends the process |
//! | garbage collector | 1, on the leader | one message, at its end | the beginning of a round |
//! | watcher | 1, on the leader | one message, at its end | a new watch |
//! | hooks, fetcher, packager, storage, publisher | 1 pool each | one stage per source, and a few chores | empty: sources submit again |
//! | artifact server | 1 | two messages | the open listener |
//! | source | 1 per `ExternalSource` | its stage, its timers and the changes of two objects | the objects and the storage |
//!
//! Messages carry handles to bytes, never bytes. A failure of the world is a value in a message; an error or a panic in
//! a handler means that the actor itself is broken and gets restarted by the supervisor.

pub mod artifact_server;
mod collector;
pub mod context;
mod fault;
mod on_drop;
mod pool;
mod restart;
mod source;
mod supervisor;
pub mod system;
#[cfg(test)]
mod testing;
mod timers;
mod watcher;
