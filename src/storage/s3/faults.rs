//! Only in test builds: `FAULT_STORAGE_KILL_AT=n` makes the process end without any cleaning up just before it sends its
//! n-th request to the bucket, as SIGKILL would at that moment: the server has done everything before it, and nobody here
//! does anything more.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

const KILL_AT: &str = "FAULT_STORAGE_KILL_AT";

/// Counts requests and ends the process.
#[derive(Debug)]
pub(super) struct Faults {
    at: u64,
    sent: AtomicU64,
}

/// What obeys the variable, if it is set.
pub(super) fn interceptor() -> Option<Faults> {
    let at = std::env::var(KILL_AT).ok()?.parse().ok()?;
    Some(Faults { at, sent: 0.into() })
}

impl Intercept for Faults {
    fn name(&self) -> &'static str {
        "Faults"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.sent.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            let request = context.request();
            eprintln!("fault point: killed before {} {}", request.method(), request.uri());
            std::process::abort();
        }
        Ok(())
    }
}
