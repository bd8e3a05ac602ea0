//! What every storage backend does: one function for each behaviour. A backend's tests name them all at once with
//! [`each_behaviour!`], so that each is a test of its own.

mod contents;
mod listing;
mod names;
mod writers;

use std::ops::Range;
use std::sync::Arc;

use futures::TryStreamExt as _;

use super::{ArtifactKey, Scope, Storage, StoredArtifact};
use crate::api::ObjectName;
use crate::spool::{Spool, Spools};

pub(crate) use contents::*;
pub(crate) use listing::*;
pub(crate) use names::*;
pub(crate) use writers::*;

/// Backends under test hand out pages of at most this many entries, so that few archives need several.
pub(crate) const PAGE_SIZE: usize = 3;

/// Makes a test of every behaviour. `$open` is evaluated in each (it may await) to `(impl Storage, impl Sized)`: an
/// empty storage with pages of [`PAGE_SIZE`], and what has to live as long as the test (a temporary directory).
macro_rules! each_behaviour {
    ($open:expr) => {
        $crate::storage::conformance::each_behaviour!($open;
            gives_back_what_was_stored
            gives_back_an_empty_archive
            gives_back_megabytes_in_bounded_chunks
            gives_back_a_hundred_megabytes
            stores_from_a_spool_file
            gives_back_ranges
            tells_size_and_time_without_reading
            knows_nothing_of_what_was_not_stored
            keeps_the_first_time_of_storing
            refuses_bytes_of_another_digest
            refuses_bytes_that_are_not_what_their_spool_says
            tells_what_is_sound
            forgets_what_is_deleted
            stores_again_after_a_deletion
            lists_everything_page_by_page
            lists_fifteen_hundred_archives
            lists_one_source_only
            lists_nothing_when_empty
            continues_a_listing_after_a_deleted_entry
            keeps_sources_apart_that_store_the_same_bytes
            takes_every_name_that_kubernetes_allows
            survives_many_writers_of_one_key
            survives_many_writers_of_many_keys
            survives_a_store_under_way_of_what_is_being_read
            leaves_all_or_nothing_of_a_store_that_is_given_up
            addresses_end_in_the_key
        );
    };
    ($open:expr; $($behaviour:ident)+) => {
        mod conforms {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let (storage, _guard) = $open;
                    $crate::storage::conformance::$behaviour(std::sync::Arc::new(storage)).await;
                }
            )+
        }
    };
}
pub(crate) use each_behaviour;

type Backend = Arc<dyn Storage>;

/// Bytes that differ from seed to seed and have no short period.
fn content(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(len)
    .collect()
}

fn archive(namespace: &str, name: &str, bytes: &[u8]) -> (ArtifactKey, Spool) {
    let spool = Spools::from_bytes(bytes.to_vec());
    (ArtifactKey::new(ObjectName::new(namespace, name), spool.digest()), spool)
}

async fn put(storage: &Backend, namespace: &str, name: &str, bytes: &[u8]) -> StoredArtifact {
    let (key, spool) = archive(namespace, name, bytes);
    let stored = storage.store(&key, &spool).await.unwrap();
    assert_eq!((&stored.key, stored.size), (&key, bytes.len() as u64));
    stored
}

async fn get(storage: &Backend, key: &ArtifactKey, range: Option<Range<u64>>) -> Option<Vec<u8>> {
    let (stored, content) = storage.retrieve(key, range).await.unwrap()?;
    assert_eq!(&stored.key, key);
    Some(content.into_stream().try_collect::<Vec<_>>().await.unwrap().concat())
}

/// The whole listing; checks what holds of every page.
async fn list(storage: &Backend, scope: Scope<'_>) -> Vec<StoredArtifact> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = storage.list(scope, after.as_deref()).await.unwrap();
        assert!(page.entries.len() <= PAGE_SIZE, "{} entries on a page", page.entries.len());
        all.extend(page.entries);
        assert!(all.len() < 10_000, "the listing does not end");
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

fn sorted(mut stored: Vec<StoredArtifact>) -> Vec<StoredArtifact> {
    stored.sort_by_key(|stored| stored.key.to_string());
    stored
}
