//! After the publication: removes revisions that nobody needs any more.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::api::ObjectName;
use crate::storage::retention::{self, Record, RetentionSettings};
use crate::storage::{ArtifactKey, Scope, Storage, StorageError};

/// Since when each revision is no longer advertised. Kept in memory: after a restart the time counts anew.
pub type Retired = BTreeMap<ArtifactKey, SystemTime>;

/// Deletes the expired revisions of `source`; returns what is left and when to look again.
pub async fn retire(
    storage: &dyn Storage,
    source: &ObjectName,
    current: Option<&ArtifactKey>,
    mut retired: Retired,
    settings: &RetentionSettings,
) -> Result<(Retired, Option<SystemTime>), StorageError> {
    let now = SystemTime::now();
    // Advertised again: its time begins anew when it is retired anew.
    if let Some(current) = current {
        retired.remove(current);
    }
    let stored = list(storage, source).await?;
    retired.retain(|key, _| stored.iter().any(|artifact| artifact.key == *key));
    let records: Vec<_> = stored
        .into_iter()
        .map(|artifact| {
            let retired_at =
                if Some(&artifact.key) == current { now } else { *retired.entry(artifact.key.clone()).or_insert(now) };
            Record { artifact, retired_at }
        })
        .collect();
    let expiry = retention::expired(&records, current, now, settings);
    for key in &expiry.delete {
        storage.delete(key).await?;
        retired.remove(key);
    }
    Ok((retired, expiry.next_check))
}

/// Deletes everything of a source that is gone, but for what is still `named`: whoever names it has yet to go.
pub async fn forget(storage: &dyn Storage, source: &ObjectName, named: &[ArtifactKey]) -> Result<(), StorageError> {
    for artifact in list(storage, source).await?.into_iter().filter(|artifact| !named.contains(&artifact.key)) {
        storage.delete(&artifact.key).await?;
    }
    Ok(())
}

async fn list(storage: &dyn Storage, source: &ObjectName) -> Result<Vec<crate::storage::StoredArtifact>, StorageError> {
    let scope = Scope::Source(source);
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = storage.list(scope, after.as_deref()).await?;
        entries.extend(page.entries);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(entries),
        }
    }
}
