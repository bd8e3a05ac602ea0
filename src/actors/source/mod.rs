//! One actor per ExternalSource: a shell that performs what the [`machine`] decides.

mod actor;
pub mod machine;
mod work;

pub use actor::{SourceActor, SourceArgs, SourceMsg};
