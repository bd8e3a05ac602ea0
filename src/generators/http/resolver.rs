//! Name resolution that hands out only addresses which the policy permits, so that the decision is made on the very
//! address that is connected to: a name that resolves differently the next time (DNS rebinding) gains nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{AddressDenied, AddressPolicy};

/// The name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
struct NoAddress;

/// The system's resolver behind the address policy.
pub(super) struct GuardedResolver(pub(super) Arc<AddressPolicy>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(NoAddress.into());
            }
            let permitted: Vec<_> = found.into_iter().filter(|found| policy.check(found.ip()).is_ok()).collect();
            if permitted.is_empty() {
                return Err(AddressDenied.into());
            }
            let addresses: Addrs = Box::new(permitted.into_iter());
            Ok(addresses)
        })
    }
}

/// How long a name may take that only the proxy has to know; where the proxy is the only way out, this network's DNS
/// often knows nothing of the outside and may not even say so.
const PROXIED_LOOKUP: Duration = Duration::from_secs(2);

/// Decides on a name that a proxy will resolve. One forbidden address is enough, because the proxy picks; a name that
/// is unknown here is the proxy's to judge.
pub(super) async fn check_proxied(policy: &AddressPolicy, host: &str) -> Result<(), AddressDenied> {
    match tokio::time::timeout(PROXIED_LOOKUP, tokio::net::lookup_host((host, 0))).await {
        Ok(Ok(mut found)) => found.try_for_each(|found| policy.check(found.ip())),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}
