//! Names and addresses: everything that Kubernetes allows, kept apart.

use super::{Backend, archive, get, list, put, sorted};
use crate::api::ObjectName;
use crate::storage::Scope;

pub(crate) async fn keeps_sources_apart_that_store_the_same_bytes(storage: Backend) {
    let one = put(&storage, "team-a", "config", b"shared").await;
    let other = put(&storage, "team-b", "config", b"shared").await;
    storage.delete(&one.key).await.unwrap();
    assert_eq!(get(&storage, &one.key, None).await, None);
    assert_eq!(get(&storage, &other.key, None).await, Some(b"shared".to_vec()));
}

pub(crate) async fn takes_every_name_that_kubernetes_allows(storage: Backend) {
    let longest_name = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
    let longest_namespace = "n".repeat(63);
    let names = [
        ("a", "0"),
        ("a", "a.b"),
        ("a", "a-b"),
        ("a", "a.tar.gz"),
        ("a", "latest.tar.gz"),
        ("a", "artifacts"),
        ("a", "xn--bcher-kva"),
        ("artifacts", "artifacts"),
        ("latest", "tmp"),
        ("0", "1.2.3.4"),
        (longest_namespace.as_str(), longest_name.as_str()),
    ];
    let mut stored = Vec::new();
    for (namespace, name) in names {
        stored.push(put(&storage, namespace, name, name.as_bytes()).await);
        assert_eq!(list(&storage, Scope::Source(&ObjectName::new(namespace, name))).await, stored[stored.len() - 1..]);
    }
    for ((_, name), stored) in names.iter().zip(&stored) {
        assert_eq!(get(&storage, &stored.key, None).await, Some(name.as_bytes().to_vec()));
    }
    assert_eq!(list(&storage, Scope::All).await, sorted(stored));
}

pub(crate) async fn addresses_end_in_the_key(storage: Backend) {
    let (key, _) = archive("team-a", "config", b"x");
    let url: url::Url = storage.url(&key).parse().unwrap();
    assert!(url.path().ends_with(&format!("/{key}")), "{url}");
}
