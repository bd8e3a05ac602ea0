//! Wires everything once, top to bottom: one file per way to run.

mod controller;
mod leadership;
mod local;
mod parts;
mod render;
mod servers;
mod signals;

use std::process::ExitCode;

pub use controller::controller;
pub use local::local;
pub use render::render;

/// Prints the custom resource definition.
pub fn crd() -> anyhow::Result<ExitCode> {
    print!("{}", crate::api::crd::yaml()?);
    Ok(ExitCode::SUCCESS)
}
