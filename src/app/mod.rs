//! Wires everything once, top to bottom: one file per way to run.

mod controller;
pub mod executor;
mod hook_executor;
mod leadership;
mod local;
mod once;
mod owner;
mod parts;
mod render;
mod servers;
mod signals;
mod stored;
mod whitelist;

use std::process::ExitCode;

pub use controller::controller;
pub use hook_executor::hook_executor;
pub use local::local;
pub use render::render;
pub use whitelist::whitelist_check;

/// Prints the custom resource definition.
pub fn crd() -> anyhow::Result<ExitCode> {
    print!("{}", crate::api::crd::yaml()?);
    Ok(ExitCode::SUCCESS)
}
