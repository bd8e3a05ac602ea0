//! Free TCP ports on 127.0.0.1.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Ports that this process was given. The kernel hands one out again as soon as nobody listens on it, which is before
/// the server that it was meant for does.
static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port on 127.0.0.1 that nobody listened on a moment ago.
///
/// Somebody else may take it before it is used, so whoever starts a server with it must be ready to try another one.
pub fn free_port() -> Result<u16> {
    Ok(free_ports::<1>()?[0])
}

/// Several ports that differ from each other, and from all that were given before.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    let mut ports = [0; N];
    // Those that were given before stay bound until all are found, or the kernel might hand them out again and again.
    let mut held = Vec::new();
    for port in &mut ports {
        *port = loop {
            let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot bind a free port on 127.0.0.1")?;
            let port = listener.local_addr().context("cannot read a listener's address")?.port();
            held.push(listener);
            if given.insert(port) {
                break port;
            }
        };
    }
    Ok(ports)
}
