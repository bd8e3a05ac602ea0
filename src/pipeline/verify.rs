//! Before the first stage: is what is advertised still stored?

use crate::pipeline::fetch::Advertised;
use crate::storage::{Storage, StorageError};

/// Whether the archive is in the storage, whole.
pub async fn is_stored(storage: &dyn Storage, advertised: &Advertised) -> Result<bool, StorageError> {
    let found = storage.stat(&advertised.key).await?;
    Ok(found.is_some_and(|found| advertised.size.is_none_or(|size| size == found.size)))
}
