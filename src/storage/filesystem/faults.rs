//! Only in test builds: `FAULT_STORAGE_KILL_AT=n` makes the process end without any cleaning up just before its n-th
//! change of the volume, as SIGKILL would at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{Disk, Op};

const KILL_AT: &str = "FAULT_STORAGE_KILL_AT";

/// A disk that obeys the variable.
pub(super) fn disk() -> Disk {
    let Some(at) = std::env::var(KILL_AT).ok().and_then(|at| at.parse::<u64>().ok()) else { return Disk::default() };
    let changes = AtomicU64::new(0);
    Disk::observed(Arc::new(move |op| {
        let is_change = !matches!(op, Op::Open(_) | Op::Read(_));
        if is_change && changes.fetch_add(1, Ordering::Relaxed) + 1 == at {
            eprintln!("fault point: killed before {op:?}");
            std::process::abort();
        }
        Ok(())
    }))
}
