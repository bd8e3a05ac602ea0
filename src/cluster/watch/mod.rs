//! Watches both kinds: one stream of changes out of one watch per kind and namespace.

mod objects;
mod seen;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::stream::{BoxStream, SelectAll, StreamExt as _};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::oneshot;

use crate::api::{ExternalArtifact, ExternalSource};
use crate::catalog::{CatalogError, Change};
use crate::cluster::objects::Lenient;

use objects::Told;

/// What one watch yields.
enum Item {
    /// Something to pass on.
    Change(Change),
    /// The first list of this watch is complete; comes once.
    Listed,
}

/// One watch.
type Watch = BoxStream<'static, Result<Item, CatalogError>>;

/// All changes in these namespaces (all, when there are none), from scratch. The selector counts for sources only:
/// an ExternalArtifact of a source's name must be seen whosever it is.
pub(super) fn watch(
    client: &Client,
    namespaces: &[String],
    label_selector: Option<&str>,
) -> BoxStream<'static, Result<Change, CatalogError>> {
    let namespaces: BTreeSet<_> = namespaces.iter().collect();
    let scopes: Vec<_> =
        if namespaces.is_empty() { vec![None] } else { namespaces.into_iter().cloned().map(Some).collect() };
    let watches = scopes.into_iter().flat_map(|scope| {
        let artifacts = kind::<ExternalArtifact>(client, scope.as_deref(), None);
        one_before_the_other(artifacts, kind::<ExternalSource>(client, scope.as_deref(), label_selector))
    });
    merge(watches.collect())
}

/// The second watch begins once the first is listed: a source that is seen before its ExternalArtifact looks like one
/// that has lost it, which would be mended at every start.
fn one_before_the_other(first: Watch, second: Watch) -> [Watch; 2] {
    let (listed, when_listed) = oneshot::channel();
    let mut listed = Some(listed);
    let first = first.inspect(move |item| {
        if matches!(item, Ok(Item::Listed)) {
            listed.take().map(|listed| listed.send(()));
        }
    });
    let second = when_listed.map(|_| second).flatten_stream();
    [first.boxed(), second.boxed()]
}

fn kind<K: Told>(client: &Client, namespace: Option<&str>, label_selector: Option<&str>) -> Watch {
    let api: Api<Lenient<K>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    source::observe::<K>(api, config(label_selector))
}

/// Seconds after which the API server ends a watch and we begin the next one. kube takes a connection without any
/// sign of life for dead 5 s later, and until then we would be deaf; bookmarks come about once a minute.
const WATCH_SECONDS: u32 = 120;

/// Lists in pages of 500, kube's default: streaming lists are off by default in Kubernetes 1.33, which would refuse
/// them.
fn config(label_selector: Option<&str>) -> watcher::Config {
    let config = watcher::Config::default().timeout(WATCH_SECONDS);
    match label_selector {
        Some(selector) => config.labels(selector),
        None => config,
    }
}

/// All watches in one stream, with [`Change::Synced`] once every one of them is listed.
fn merge(watches: Vec<Watch>) -> BoxStream<'static, Result<Change, CatalogError>> {
    let missing = watches.len();
    let merged: SelectAll<Watch> = futures::stream::select_all(watches);
    let changes = merged.scan(missing, |missing, item| {
        let change = match item {
            Ok(Item::Change(change)) => Some(Ok(change)),
            Ok(Item::Listed) => {
                *missing -= 1;
                (*missing == 0).then_some(Ok(Change::Synced))
            }
            Err(error) => Some(Err(error)),
        };
        std::future::ready(Some(change))
    });
    changes.filter_map(std::future::ready).boxed()
}
