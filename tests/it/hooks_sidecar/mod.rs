//! The sidecar as it runs: a process of a user of its own, asked over its socket.

mod command_line;
mod engine;
mod execute;
mod hostile;
mod http;
mod lifecycle;
mod network;
mod probe;
mod reload;
mod remote;
pub mod sidecar;
mod socket;
mod volume;
