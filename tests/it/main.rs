//! Tests against real parts: a real API server, real Flux controllers, real origins, and the binary itself.
//!
//! One binary, because each further one links everything again.

mod harness;

mod artifact_http;
mod command_line;
mod drift;
mod events;
mod failures;
mod layering;
mod local;
mod manifests;
mod reconcile;
mod render;
mod requests;
mod secrets;
mod settings;
mod spec;
mod terminal;
mod writes;
