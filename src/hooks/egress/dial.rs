//! From a name to a connection: the policy decides on what the name resolves to, and that very address is connected to.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Refused;
use crate::address::AddressPolicy;

/// How long a name may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// How long each of a name's addresses may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Connects where the policy permits.
pub(super) struct Dialer {
    policy: AddressPolicy,
}

impl Dialer {
    pub(super) fn new(policy: AddressPolicy) -> Self {
        Self { policy }
    }

    /// A connection to the first permitted address that answers. Odd notations of addresses are the resolver's to read;
    /// what it makes of them is what is decided on.
    pub(super) async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = timeout(LOOKUP, lookup_host((host, port))).await.map_err(|_| Refused::TimedOut)?;
        let found: Vec<SocketAddr> = found.map_err(|_| Refused::Unknown)?.collect();
        if found.is_empty() {
            return Err(Refused::Unknown);
        }
        let mut outcome = Refused::Denied;
        for address in found.into_iter().filter(|address| self.permits(address.ip())) {
            outcome = match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Fails only on what is gone already.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) => Refused::Unreachable,
                Err(_) => Refused::TimedOut,
            };
        }
        Err(outcome)
    }

    /// This pod's own addresses lead to the controller's ports as loopback does.
    pub(super) fn permits(&self, address: IpAddr) -> bool {
        self.policy.check(address).is_ok() && (self.policy.allows(address) || !is_own(address))
    }
}

/// Whether the address is this machine's: only one's own can be bound.
pub(super) fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
