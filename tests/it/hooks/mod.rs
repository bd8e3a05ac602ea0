//! Hooks, assertions and transformations in whole runs: the real API server, the real sidecar, real commands.

mod around;
mod bed;
mod canary;
mod conditional;
mod outage;
mod policies;
mod request;
mod shape;
