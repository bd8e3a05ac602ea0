//! Tests against real parts: a real API server, real Flux controllers, real origins, and the binary itself.
//!
//! One binary, because each further one links everything again.

mod harness;

mod crash;
mod flux;
mod reconcile;
mod replicas;
mod restart;
mod shutdown;
