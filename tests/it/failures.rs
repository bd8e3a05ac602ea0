//! What becomes of a good artifact when its origin fails: it stays, Ready says why, the class of the failure decides
//! the retry, and all is well again when the origin is.

mod configuration;
mod connections;
mod expect;
mod refused;
mod transient;
