//! One watch of one kind: kube's watcher with a backoff, started over when it would hang or repeat itself.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::runtime::utils::{Backoff, ResetTimerBackoff};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as start};
use kube::{Api, Resource as _, ResourceExt as _};

use super::objects::Told;
use super::seen::{Seen, Sighting};
use super::{Item, Watch};
use crate::catalog::CatalogError;
use crate::cluster::errors;
use crate::cluster::objects::{Lenient, identity};

/// Pause after the first error, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause, before jitter, which may double it. kube's own go up to a minute that way, and so long a watch would
/// stay deaf after an API server's restart; one request per watch and 5 s costs that nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a watch must do well before its backoff begins anew.
const BACKOFF_RESET: Duration = Duration::from_secs(120);

/// Longest silence within a list: kube's watcher bounds that of a watch only. Above the longest pause after an error
/// with the longest wait for the head of an answer (30 s) and for its page.
const LIST_SILENCE: Duration = Duration::from_secs(90);

/// Pause before a watch is started over, which also resets kube's backoff: an API server that takes lists and refuses
/// every watch must not be asked in a circle.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// The pauses between attempts: each twice the last, and up to twice that, so that replicas do not come at once.
struct Pauses {
    next: Duration,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        Some(pause.mul_f64(1.0 + fastrand::f64()))
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }
}

type Events<K> = BoxStream<'static, watcher::Result<Event<Lenient<K>>>>;

struct Observer<K: Told> {
    api: Api<Lenient<K>>,
    config: watcher::Config,
    events: Events<K>,
    seen: Seen,
    /// Between the beginning of a list and its end.
    is_listing: bool,
    /// Whether the first list's end was told.
    is_listed: bool,
    pending: VecDeque<Item>,
    /// The last error that was told, until something succeeds.
    last_error: Option<String>,
}

/// The objects of `api`, and [`Item::Listed`] once. Never ends.
pub(super) fn observe<K: Told>(api: Api<Lenient<K>>, config: watcher::Config) -> Watch {
    let observer = Observer {
        events: fresh(&api, &config),
        api,
        config,
        seen: Seen::default(),
        is_listing: true,
        is_listed: false,
        pending: VecDeque::new(),
        last_error: None,
    };
    futures::stream::unfold(observer, |mut observer| async move { Some((observer.next().await, observer)) }).boxed()
}

fn fresh<K: Told>(api: &Api<Lenient<K>>, config: &watcher::Config) -> Events<K> {
    let backoff = Pauses { next: FIRST_PAUSE };
    start(api.clone(), config.clone()).backoff(ResetTimerBackoff::new(backoff, BACKOFF_RESET)).boxed()
}

impl<K: Told> Observer<K> {
    async fn next(&mut self) -> Result<Item, CatalogError> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Ok(item);
            }
            let event = if self.is_listing {
                tokio::time::timeout(LIST_SILENCE, self.events.next()).await.unwrap_or(None)
            } else {
                self.events.next().await
            };
            match event {
                Some(Ok(event)) => self.take(event),
                Some(Err(error)) => {
                    if is_expired(&error) {
                        // The watcher would ask for the same resource version for ever.
                        self.start_over().await;
                    } else if let Some(error) = self.judge(&error) {
                        return Err(error);
                    }
                }
                None => {
                    self.start_over().await;
                    let message = format!("the list stood still for {} s; starting over", LIST_SILENCE.as_secs());
                    return Err(CatalogError::Unavailable { action: K::ACTION, message });
                }
            }
        }
    }

    fn take(&mut self, event: Event<Lenient<K>>) {
        match event {
            Event::Init => {
                self.is_listing = true;
                self.seen.begin_list();
                return; // says nothing about success: kube begins before it asks
            }
            Event::InitApply(object) | Event::Apply(object) => self.present(object),
            Event::Delete(object) => {
                let (name, uid) = identity(&object);
                if self.seen.delete(&name, &uid) {
                    self.pending.push_back(Item::Change(K::gone(name, uid)));
                }
            }
            Event::InitDone => {
                self.is_listing = false;
                let gone = self.seen.end_list();
                self.pending.extend(gone.into_iter().map(|(name, uid)| Item::Change(K::gone(name, uid))));
                if !std::mem::replace(&mut self.is_listed, true) {
                    self.pending.push_back(Item::Listed);
                }
            }
        }
        self.last_error = None;
    }

    fn present(&mut self, object: Lenient<K>) {
        let (name, uid) = identity(&object);
        let resource_version = object.meta().resource_version.as_deref().unwrap_or_default();
        match self.seen.see(&name, &uid, resource_version) {
            Sighting::Known => return,
            Sighting::Changed => {}
            Sighting::Replaced { uid } => self.pending.push_back(Item::Change(K::gone(name, uid))),
        }
        let Lenient { object, invalid } = object;
        if let Some(invalid) = &invalid {
            tracing::debug!(namespace = object.namespace(), name = object.name_any(), invalid, "unreadable object");
        }
        self.pending.push_back(Item::Change(K::present(object, invalid)));
    }

    /// The error, if it is news.
    fn judge(&mut self, error: &watcher::Error) -> Option<CatalogError> {
        let error = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => errors::classify(K::ACTION, error),
            // An expired resource version is the normal end of a long silence; the watcher lists anew.
            watcher::Error::WatchError(status) if status.code == 410 => return None,
            watcher::Error::WatchError(status) => {
                CatalogError::Unavailable { action: K::ACTION, message: errors::shorten(&status.message) }
            }
            watcher::Error::NoResourceVersion => {
                CatalogError::Unavailable { action: K::ACTION, message: "an answer without a resource version".into() }
            }
        };
        let text = error.to_string();
        let is_news = self.last_error.as_ref() != Some(&text);
        self.last_error = Some(text);
        is_news.then_some(error)
    }

    async fn start_over(&mut self) {
        tokio::time::sleep(RESTART_PAUSE).await;
        self.is_listing = true;
        self.events = fresh(&self.api, &self.config);
    }
}

/// Whether a watch was refused at its start because its resource version is too old.
fn is_expired(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(error) if errors::code_of(error) == 410)
}
