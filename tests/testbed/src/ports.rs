//! Free TCP ports on 127.0.0.1.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// A port on 127.0.0.1 that nobody listened on a moment ago.
///
/// Somebody else may take it before it is used, so whoever starts a server with it must be ready to try another one.
pub fn free_port() -> Result<u16> {
    Ok(free_ports::<1>()?[0])
}

/// Several ports that differ from each other.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All of them stay bound until the last one is found, or the kernel might hand out the same one twice.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot bind a free port on 127.0.0.1")?;
        *port = listener.local_addr().context("cannot read a listener's address")?.port();
        held.push(listener);
    }
    Ok(ports)
}
