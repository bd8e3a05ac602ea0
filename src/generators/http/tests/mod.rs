//! Behaviour of the whole generator against real sockets.

pub(super) mod support;

mod bodies;
mod conditional;
mod failures;
mod leaks;
mod pre_request;
mod redirects;
mod requests;
mod routes;
mod tls;
mod validation;
