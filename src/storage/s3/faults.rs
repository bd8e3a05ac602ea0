//! Only in test builds: `FAULT_STORAGE_KILL_AT=n` makes the process end without any cleaning up just before it sends its
//! n-th request to the bucket, as SIGKILL would at that moment; with `FAULT_STORAGE_KILL_AFTER=n` once the server has
//! answered it and before anybody here has heard of that.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

const KILL_AT: &str = "FAULT_STORAGE_KILL_AT";
const KILL_AFTER: &str = "FAULT_STORAGE_KILL_AFTER";

/// Counts requests and ends the process.
#[derive(Debug)]
pub(super) struct Faults {
    at: Option<u64>,
    after: Option<u64>,
    sent: AtomicU64,
    answered: AtomicU64,
}

/// What obeys the variables, if one of them is set.
pub(super) fn interceptor() -> Option<Faults> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (at, after) = (number(KILL_AT), number(KILL_AFTER));
    (at.is_some() || after.is_some()).then(|| Faults { at, after, sent: 0.into(), answered: 0.into() })
}

fn count(counter: &AtomicU64, fatal: Option<u64>, what: &str) {
    if Some(counter.fetch_add(1, Ordering::Relaxed) + 1) == fatal {
        eprintln!("fault point: killed {what}");
        std::process::abort();
    }
}

impl Intercept for Faults {
    fn name(&self) -> &'static str {
        "Faults"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(&self.sent, self.at, "before a request was sent");
        Ok(())
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(&self.answered, self.after, "after a request was answered");
        Ok(())
    }
}
