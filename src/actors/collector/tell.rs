//! What the collector does, in log and metrics. A round that has nothing to say says nothing.

use std::time::Duration;

use crate::pipeline::collect::{Removal, RoundError, Summary};
use crate::storage::{ArtifactKey, Integrity, StorageError};
use crate::telemetry::metrics;

pub(super) fn round(result: &Result<Summary, RoundError>, duration: Duration) {
    let outcome = match result {
        Ok(_) => "done",
        Err(RoundError::Incomplete(_)) => "waiting",
        Err(_) => "failed",
    };
    metrics::collector_round(outcome, duration);
    match result {
        Ok(summary) => {
            metrics::stored_now(summary.archives, summary.bytes);
            metrics::removed("unfinished", summary.unfinished as u64);
            let Summary { archives, bytes, removed, unfinished, verified, unsound } = *summary;
            let (removed, failed) = (removed.removed, removed.failed);
            if removed + failed + unfinished > 0 || unsound > 0 {
                tracing::info!(
                    archives,
                    bytes,
                    removed,
                    failed,
                    unfinished,
                    verified,
                    unsound,
                    ?duration,
                    "garbage collected"
                );
            } else {
                tracing::debug!(archives, bytes, verified, ?duration, "no garbage");
            }
        }
        Err(error @ RoundError::Incomplete(_)) => tracing::debug!(%error, "the garbage collector waits"),
        Err(error) => tracing::warn!(%error, "a round of the garbage collector stopped; the next one goes on there"),
    }
}

pub(super) fn removal(why: &'static str, removal: &Removal) {
    match &removal.result {
        Ok(true) => {
            metrics::removed(why, 1);
            tracing::debug!(key = %removal.key, why, "an archive was removed");
        }
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(key = %removal.key, why, %error, "an archive could not be removed");
        }
    }
}

pub(super) fn unsound(key: &ArtifactKey, found: Integrity) {
    tracing::warn!(%key, ?found, "an advertised archive is not what it should be; its source makes it anew");
}

pub(super) fn verified(found: Integrity) {
    let outcome = match found {
        Integrity::Sound => "sound",
        Integrity::Damaged => "damaged",
        Integrity::Absent => "missing",
    };
    metrics::verified(outcome);
}

pub(super) fn failed(operation: &'static str, error: &StorageError) {
    tracing::warn!(operation, %error, "the garbage collector goes on without it");
}
