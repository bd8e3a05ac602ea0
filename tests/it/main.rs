//! Tests against real parts: a real API server, real Flux controllers, real origins, and the binary itself.
//!
//! One binary, because each further one links everything again.

mod harness;

mod drift;
mod events;
mod failures;
mod reconcile;
mod requests;
mod secrets;
mod spec;
mod writes;
