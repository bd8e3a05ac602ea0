//! Listings: complete, sorted, in pages, and of one source only.

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use super::{Backend, PAGE_SIZE, content, list, put, sorted};
use crate::api::ObjectName;
use crate::storage::Scope;

pub(crate) async fn lists_everything_page_by_page(storage: Backend) {
    let mut stored = Vec::new();
    // A multiple of the page size: the last page is full, and the listing still ends.
    for number in 0..4 * PAGE_SIZE as u32 {
        let name = format!("config-{}", number % 5);
        stored.push(put(&storage, "team-a", &name, &content(number, 10)).await);
    }
    assert_eq!(list(&storage, Scope::All).await, sorted(stored));
}

pub(crate) async fn lists_fifteen_hundred_archives(storage: Backend) {
    // More than a backend's own interface lists at once, in folders of every size.
    let puts = (0..1500_u32).map(|number| {
        let storage = Arc::clone(&storage);
        async move {
            let (namespace, name) = (format!("team-{}", number % 7), format!("config-{}", number % 91));
            put(&storage, &namespace, &name, &number.to_le_bytes()).await
        }
    });
    let stored = stream::iter(puts).buffer_unordered(32).collect::<Vec<_>>().await;
    assert_eq!(list(&storage, Scope::All).await, sorted(stored));
}

pub(crate) async fn lists_one_source_only(storage: Backend) {
    let mut mine = Vec::new();
    for number in 0..=2 * PAGE_SIZE as u32 {
        mine.push(put(&storage, "team-a", "config", &content(number, 10)).await);
    }
    // Neighbours in every order: '-' and '.' sort before '/', digits and letters after it.
    for (namespace, name) in [
        ("team-a", "config-2"),
        ("team-a", "config.2"),
        ("team-a", "config2"),
        ("team-a", "confi"),
        ("team", "a-config"),
        ("team-a-config", "config"),
        ("team-b", "config"),
    ] {
        put(&storage, namespace, name, b"theirs").await;
    }
    assert_eq!(list(&storage, Scope::Source(&ObjectName::new("team-a", "config"))).await, sorted(mine));
    assert_eq!(list(&storage, Scope::Source(&ObjectName::new("team-a", "conf"))).await, vec![]);
}

pub(crate) async fn lists_nothing_when_empty(storage: Backend) {
    assert_eq!(list(&storage, Scope::All).await, vec![]);
    assert_eq!(list(&storage, Scope::Source(&ObjectName::new("team-a", "config"))).await, vec![]);
}

pub(crate) async fn continues_a_listing_after_a_deleted_entry(storage: Backend) {
    let mut stored = Vec::new();
    for number in 0..2 * PAGE_SIZE as u32 {
        stored.push(put(&storage, "team-a", "config", &content(number, 10)).await);
    }
    let first = storage.list(Scope::All, None).await.unwrap();
    for seen in &first.entries {
        storage.delete(&seen.key).await.unwrap();
    }
    let mut rest = Vec::new();
    let mut after = first.next;
    while let Some(next) = after {
        let page = storage.list(Scope::All, Some(&next)).await.unwrap();
        rest.extend(page.entries);
        after = page.next;
    }
    assert_eq!([first.entries, rest].concat(), sorted(stored));
}
