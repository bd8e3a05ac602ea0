//! The ExternalArtifact and the statuses are put right when somebody else changes them, and what belongs to somebody
//! else is left alone.

mod deletion;
mod foreign;
mod legacy;
mod odd;
mod repair;
