//! The stages of one run, as plain functions: what is fetched is guarded, unpacked, packaged and published. Knows
//! nothing of actors.

pub mod fetch;
pub mod guards;
pub mod package;
pub mod publish;
pub mod retire;
pub mod revision;
pub mod schedule;
pub mod unpack;
pub mod verify;
