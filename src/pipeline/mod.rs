//! The stages of one run, as plain functions: what is fetched is judged, piped through hooks and transformation, packaged
//! and published. Knows nothing of actors.

pub mod collect;
pub mod fetch;
pub mod guards;
pub mod hooks;
pub mod package;
pub mod prepare;
pub mod process;
pub mod publish;
pub mod retire;
pub mod revision;
pub mod schedule;
pub mod unpack;
pub mod verify;
