//! Kubernetes events (events.k8s.io/v1), behind everything else: queued, folded, sent at a bounded rate.
//!
//! Not kube's `Recorder`: it takes events of one reason for the same one whatever they say, so that a second new
//! revision would repeat the message of the first.

mod fold;
mod object;

use k8s_openapi::api::events::v1::Event as KubernetesEvent;
use kube::Client;
use kube::api::{Patch, PostParams};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

use self::fold::{Folder, Key, Verdict};
use super::artifact::manager;
use super::call::{ApiServer, CallError, requests};
use super::lease::Fence;
use super::throttle::Throttle;
use crate::api::ObjectName;
use crate::catalog::{CatalogError, Event, EventType};

/// Events that may wait, about 1 KiB each beside the shared objects: as many as a first run over a thousand objects
/// makes. A further one is dropped, because those that wait are the first signs of what is wrong.
const QUEUE: usize = 1024;

/// Events per second: a thousand new sources with two events each are told within two minutes, and cost the API
/// server less than a tenth of what their statuses do meanwhile.
const RATE: u32 = 20;

/// Events at once: a handful of sources is told about without delay.
const BURST: u32 = 40;

/// Takes events from whoever has one. The task that sends them ends with the last clone.
#[derive(Clone)]
pub(super) struct Events {
    queue: mpsc::Sender<Event>,
}

impl Events {
    /// Starts the task that sends what is told, at no more than `qps` when that is not 0. The rate is apart from that
    /// of the other calls, so that events never delay them.
    pub(super) fn start(client: Client, fence: Fence, qps: u32, instance: String) -> Self {
        let (queue, events) = mpsc::channel(QUEUE);
        let rate = if qps == 0 { RATE } else { RATE.min(qps) };
        let api = ApiServer { client, throttle: Throttle::new(rate, BURST), fence };
        let sender = Sender { api, instance, folder: Folder::default() };
        tokio::spawn(sender.run(events));
        Self { queue }
    }

    /// Queues the event, or drops it.
    pub(super) fn tell(&self, event: Event) {
        if let Err(error) = self.queue.try_send(event) {
            debug!(error = %error, "an event was dropped");
        }
    }
}

/// Tells about this process itself, on its pod.
pub(super) async fn warn_on_pod(
    api: &ApiServer,
    pod: &ObjectName,
    reason: &str,
    message: &str,
) -> Result<(), CatalogError> {
    let subject = object::pod(&pod.namespace, &pod.name);
    let object = object::note(EventType::Warning, reason, message, &subject, &pod.name);
    create(api, pod, &object).await.map_err(|error| error.of("tell an event"))
}

async fn create(api: &ApiServer, subject: &ObjectName, object: &KubernetesEvent) -> Result<(), CallError> {
    let request = serde_json::to_vec(object)
        .map_err(kube::core::request::Error::SerializeBody)
        .and_then(|body| requests::<KubernetesEvent>(subject).create(&PostParams::default(), body));
    api.write(request).await.map(drop)
}

struct Sender {
    api: ApiServer,
    instance: String,
    folder: Folder,
}

impl Sender {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            for subject in object::subjects(&event) {
                let key = object::key(&event, &subject);
                let name = ObjectName::of(&*event.source);
                if let Err(error) = self.send(&event, &name, &subject, key).await {
                    let error = error.of("tell an event");
                    debug!(namespace = &*name.namespace, name = &*name.name, %error, "an event was lost");
                }
            }
        }
    }

    async fn send(
        &mut self,
        event: &Event,
        source: &ObjectName,
        subject: &object::Subject,
        key: Key,
    ) -> Result<(), CallError> {
        match self.folder.judge(&key, Instant::now()) {
            Verdict::Silent => return Ok(()),
            Verdict::Again { name, count } => match self.update(source, &name, count).await {
                Err(error) if error.code() == 404 => self.folder.forget(&key),
                outcome => return outcome,
            },
            Verdict::New => {}
        }
        let name = self.create(event, source, subject).await?;
        self.folder.created(key, name, Instant::now());
        Ok(())
    }

    async fn create(&self, event: &Event, source: &ObjectName, subject: &object::Subject) -> Result<String, CallError> {
        let object = object::event(event, subject, &self.instance);
        let name = object.metadata.name.clone().unwrap_or_default();
        create(&self.api, source, &object).await?;
        Ok(name)
    }

    async fn update(&self, source: &ObjectName, name: &str, count: i32) -> Result<(), CallError> {
        let patch = object::series(count);
        self.api.write(requests::<KubernetesEvent>(source).patch(name, &manager(), &Patch::Merge(&patch))).await?;
        Ok(())
    }
}
