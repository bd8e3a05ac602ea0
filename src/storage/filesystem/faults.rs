//! Only in test builds. `FAULT_STORAGE_KILL_AT=n` makes the process end without any cleaning up just before its n-th
//! change of the volume, as SIGKILL would at that moment. `FAULT_STORAGE_FILE=path` makes calls fail for as long as this file
//! says so: `writes N` fails every change, `all N` every call, with the error number N; `hang` keeps every call waiting.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::disk::{Disk, Op};

const KILL_AT: &str = "FAULT_STORAGE_KILL_AT";
const FILE: &str = "FAULT_STORAGE_FILE";

/// A disk that obeys the variables.
pub(super) fn disk() -> Disk {
    let kill_at = std::env::var(KILL_AT).ok().and_then(|at| at.parse::<u64>().ok());
    let file = std::env::var_os(FILE).map(PathBuf::from);
    if kill_at.is_none() && file.is_none() {
        return Disk::default();
    }
    let changes = AtomicU64::new(0);
    Disk::observed(Arc::new(move |op| {
        let is_change = !matches!(op, Op::Open(_) | Op::Read(_));
        if is_change && Some(changes.fetch_add(1, Ordering::Relaxed) + 1) == kill_at {
            eprintln!("fault point: killed before {op:?}");
            std::process::abort();
        }
        file.as_deref().map_or(Ok(()), |file| obey(file, is_change))
    }))
}

fn obey(file: &Path, is_change: bool) -> io::Result<()> {
    loop {
        let Ok(fault) = std::fs::read_to_string(file) else { return Ok(()) };
        let (what, number) = fault.trim().split_once(' ').unwrap_or((fault.trim(), ""));
        match (what, number.parse()) {
            ("hang", _) => std::thread::park_timeout(Duration::from_millis(20)),
            ("all", Ok(number)) => return Err(io::Error::from_raw_os_error(number)),
            ("writes", Ok(number)) if is_change => return Err(io::Error::from_raw_os_error(number)),
            _ => return Ok(()),
        }
    }
}
