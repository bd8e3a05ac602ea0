//! Tests against real parts: a real API server, real Flux controllers, real origins, and the binary itself.
//!
//! One binary, because each further one links everything again.

mod harness;

mod artifact_http;
mod builtins;
mod command_line;
mod crash;
mod drift;
mod events;
mod failures;
mod flux;
mod hooks;
mod hooks_sandbox;
mod hooks_sidecar;
mod large_artifact;
mod layering;
mod local;
mod manifests;
mod reconcile;
mod render;
mod replicas;
mod requests;
mod restart;
mod secrets;
mod settings;
mod shutdown;
mod slow_readers;
mod spec;
mod storage_pvc;
mod storage_s3;
mod terminal;
mod torture;
mod writes;
