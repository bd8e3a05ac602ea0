//! A real Kubernetes control plane, real Flux controllers and scripted HTTP origins, as plain processes on 127.0.0.1,
//! for the integration tests and the benches of this project.
//!
//! The programs are built from Go modules that `tools/*/go.mod` and `go.sum` pin, once per machine, so the tests need
//! nothing but Rust and Go. Start with [`Testbed::shared`]; `README.md` shows how a test looks.

mod accounts;
mod apply;
pub mod archive;
pub mod audit;
mod background;
mod certificates;
mod cluster;
mod control_plane;
pub mod document;
mod flux;
pub mod origin;
mod ports;
pub mod process;
mod run_dir;
pub mod s3;
mod testbed;
pub mod tools;
pub mod wait;

pub use accounts::Account;
pub use audit::{AuditEvent, AuditLog, Filter};
pub use origin::{Origin, Recorded, Reply};
pub use ports::free_port;
pub use process::{Process, ProcessBuilder};
pub use s3::S3Server;
pub use testbed::Testbed;
pub use wait::{eventually, wait_for_condition};
