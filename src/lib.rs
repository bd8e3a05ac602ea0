//! `flux-externalsource-controller`: data behind HTTP APIs, delivered to Flux as `ExternalArtifact`s.
//!
//! Data flows one way:
//!
//! ```text
//! Catalog --watch--> supervisor --> SourceActor --> fetcher --> packager --> storage --> publisher --> Catalog
//!                                                                              |
//!                                                       artifact server <------+
//! ```
//!
//! Modules may use what stands above them in this list, never what stands below; `tests/it/layering.rs` holds
//! them to it. Only [`actors`] and [`app`] know that actors exist.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("sizes are cast between u64 and usize: only 64-bit platforms are supported");

pub mod address;
pub mod digest;
pub mod failure;

pub mod api;
pub mod spool;

pub mod sandbox;
pub mod storage;
pub mod transform;

pub mod hooks;

pub mod generators;

pub mod catalog;
pub mod pipeline;

pub mod activity;
pub mod telemetry;

pub mod cluster;
pub mod http;
pub mod local;
pub mod sidecar;

pub mod actors;

pub mod config;

pub mod app;
pub mod cli;
