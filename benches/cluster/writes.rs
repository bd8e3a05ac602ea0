//! What was written to the API server, from its audit log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testbed::audit::Position;
use testbed::{AuditLog, Filter};

use crate::bed::{Bed, Controller, LIMIT};

/// No event for this long means that none is waiting: 20 a second are told.
const QUIET: Duration = Duration::from_secs(3);

/// Writes by what was written, events apart.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    pub objects: usize,
    pub events: usize,
    pub refused: usize,
    /// Such as `patch externalsources/status`.
    pub kinds: BTreeMap<String, usize>,
}

/// The writes of `user` since then.
pub async fn count(audit: &AuditLog, since: Position, user: &str) -> Result<Writes> {
    let mut writes = Writes::default();
    for event in audit.writes(since, &Filter::all().user(user)).await? {
        let object = event.object_ref.clone().unwrap_or_default();
        if object.resource == "events" {
            writes.events += 1;
            continue;
        }
        writes.objects += 1;
        writes.refused += usize::from(!event.is_success());
        let slash = if object.subresource.is_empty() { "" } else { "/" };
        *writes.kinds.entry(format!("{} {}{slash}{}", event.verb, object.resource, object.subresource)).or_default() +=
            1;
    }
    Ok(writes)
}

/// Waits until the controller writes nothing more; returns how long that took.
pub async fn until_quiet(bed: &Bed, controller: &Controller) -> Result<Duration> {
    let audit = bed.testbed.audit_log().await?;
    let started = Instant::now();
    loop {
        let since = audit.position().await?;
        tokio::time::sleep(QUIET).await;
        let writes = count(&audit, since, &controller.user).await?;
        if writes.objects + writes.events == 0 {
            return Ok(started.elapsed());
        }
        ensure!(started.elapsed() < LIMIT, "the controller does not come to rest: {writes:?}");
    }
}
