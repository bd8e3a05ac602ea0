//! Which pool runs which stage, and how its end finds the way back.

mod hooks;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::StatusCode;
use ractor::ActorRef;
use tokio_util::sync::CancellationToken;

use super::SourceMsg;
use super::machine::{Attempt, Job, StageEnd, Work};
use crate::actors::context::{Context, Pools};
use crate::actors::{fault, pool::PoolHandle};
use crate::api::conditions::reasons;
use crate::api::{ExternalSource, ObjectName};
use crate::failure::{Class, Failure};
use crate::generators::Answer;
use crate::pipeline::fetch::{Advertised, Answered, Fetch, Fetched};
use crate::pipeline::package::{self, Packaged, Packaging};
use crate::pipeline::{publish, retire, verify};
use crate::storage::StorageError;
use crate::telemetry::metrics;

/// Owes the source's actor one end; pays with "lost" when dropped without one.
pub struct Completion {
    actor: Option<ActorRef<SourceMsg>>,
    attempt: Attempt,
    job: Job,
}

impl Completion {
    /// Of a stage that is about to be submitted.
    pub fn new(actor: ActorRef<SourceMsg>, attempt: Attempt, job: Job) -> Self {
        Self { actor: Some(actor), attempt, job }
    }

    fn end(mut self, stage: StageEnd) {
        self.send(stage);
    }

    fn send(&mut self, stage: StageEnd) {
        if let Some(actor) = self.actor.take() {
            // An actor that is gone has a successor that starts from the objects.
            let _ = actor.cast(SourceMsg::Ended(self.attempt, stage));
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.send(StageEnd::Lost(self.job));
    }
}

/// Queues the stage in its pool.
pub fn submit(
    context: &Arc<Context>,
    source: Arc<ExternalSource>,
    work: Work,
    completion: Completion,
    cancelled: CancellationToken,
) {
    let job = work.job();
    let (stage, pool) = place(&context.pools, &work);
    let pool = pool.clone();
    let name = ObjectName::of(source.as_ref());
    let context = Arc::clone(context);
    let task = async move {
        fault::point(stage, &source);
        let running = run(&context, &source, work, cancelled.clone());
        // A thread cannot be dropped: until it notices, it counts among those of its pool.
        let lingers = job == Job::Package;
        if let Some(stage) = unless_cancelled(running, &cancelled, lingers).await {
            completion.end(stage);
        }
    };
    pool.submit(name, Box::pin(task));
}

/// What the stage comes to; `None` once it is given up, and over too if it `lingers`.
async fn unless_cancelled<T>(
    running: impl Future<Output = T>,
    cancelled: &CancellationToken,
    lingers: bool,
) -> Option<T> {
    if cancelled.is_cancelled() {
        return None;
    }
    let mut running = pin!(running);
    tokio::select! {
        biased;
        () = cancelled.cancelled() => {}
        stage = &mut running => return Some(stage),
    }
    if lingers {
        running.await;
    }
    None
}

/// Where a stage runs: name of the fault point, and the pool.
fn place<'a>(pools: &'a Pools, work: &Work) -> (&'static str, &'a PoolHandle) {
    match work {
        Work::Process(job) if !job.has_hooks() => ("hooks", &pools.transformations),
        Work::Prepare(_) | Work::Process(_) => ("hooks", &pools.hooks),
        Work::Fetch(_) => ("fetch", &pools.fetcher),
        Work::Package(_) => ("package", &pools.packager),
        Work::Verify(_) | Work::Store(..) | Work::Retire(..) => ("store", &pools.storage),
        Work::Publish(_) | Work::Progress(_) | Work::RemoveFinalizer => ("publish", &pools.publisher),
    }
}

async fn run(
    context: &Arc<Context>,
    source: &Arc<ExternalSource>,
    work: Work,
    cancelled: CancellationToken,
) -> StageEnd {
    let storage = context.storage.as_ref();
    match work {
        Work::Verify(advertised) => {
            let stored = verify::is_stored(storage, &advertised).await;
            StageEnd::Verified(stored.map(|stored| stored.then(|| storage.url(&advertised.key))).map_err(Failure::from))
        }
        Work::Prepare(job) => StageEnd::Prepared(hooks::prepare(context, job).await),
        Work::Fetch(job) => StageEnd::Fetched(Box::new(fetch(context, &job).await)),
        Work::Process(job) => StageEnd::Processed(hooks::process(context, job).await),
        Work::Package(job) => StageEnd::Packaged(package(context, job, cancelled).await),
        Work::Store(key, archive) => {
            let stored = storage.store(&key, &archive.bytes).await;
            StageEnd::Stored(stored.map(|_| storage.url(&key)).map_err(Failure::from))
        }
        Work::Publish(publication) => {
            let result = publish::publish(context.catalog.as_ref(), &publication).await;
            if let Err(error) = &result {
                // The objects cannot say it, because they are what could not be written.
                let ObjectName { namespace, name } = ObjectName::of(source.as_ref());
                tracing::warn!(namespace = &*namespace, name = &*name, %error, "a result could not be written");
            }
            StageEnd::Published(result)
        }
        Work::Progress(publication) => {
            StageEnd::Progressed(publish::publish(context.catalog.as_ref(), &publication).await)
        }
        Work::Retire(current, retired) => {
            let name = ObjectName::of(source.as_ref());
            let settings = &context.settings.retention;
            let result = retire::retire(storage, &name, current.as_ref(), retired, settings).await;
            if let Err(error) = &result {
                let ObjectName { namespace, name } = &name;
                tracing::warn!(namespace = &**namespace, name = &**name, %error, "old revisions could not be removed");
            }
            let in_how_long = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
            StageEnd::Retired(result.map(|(left, next)| (left, next.map(in_how_long))).map_err(Failure::from))
        }
        Work::RemoveFinalizer => StageEnd::FinalizerRemoved(context.catalog.remove_legacy_finalizer(source).await),
    }
}

/// Whether what is advertised is stored; nothing is not.
async fn is_stored(context: &Context, advertised: Option<&Advertised>) -> Result<bool, StorageError> {
    match advertised {
        Some(advertised) => verify::is_stored(context.storage.as_ref(), advertised).await,
        None => Ok(false),
    }
}

async fn fetch(context: &Context, job: &Fetch) -> Fetched {
    match is_stored(context, job.advertised.as_ref()).await {
        Ok(stored) => {
            let advertised = job.advertised.as_ref().filter(|_| stored);
            let url = advertised.map(|advertised| context.storage.url(&advertised.key));
            Fetched { stored: Some(stored), url, result: ask(context, job, stored).await }
        }
        Err(error) => Fetched { stored: None, url: None, result: Err(error.into()) },
    }
}

async fn ask(context: &Context, job: &Fetch, stored: bool) -> Result<Answered, Failure> {
    let started = Instant::now();
    let result = context.fetcher.fetch(job, stored).await;
    let status = match &result {
        Ok(Answered { answer: Answer::NotModified, .. }) => Some(StatusCode::NOT_MODIFIED),
        Ok(Answered { answer: Answer::Content(_), .. }) => Some(StatusCode::OK),
        Err(_) => None,
    };
    metrics::request(&job.source.spec.generator.kind, status, started.elapsed());
    result
}

/// Packages on a blocking thread; giving up the stage stops it at its next chunk.
async fn package(context: &Arc<Context>, job: Packaging, cancelled: CancellationToken) -> Result<Packaged, Failure> {
    let context = Arc::clone(context);
    // Also when the pool itself dies and takes this task with it.
    let cancelled = cancelled.child_token();
    let _until_dropped = cancelled.clone().drop_guard();
    let packaging = tokio::task::spawn_blocking(move || {
        package::package(&job, &context.spools, &context.settings.unpack, &cancelled).map_err(Failure::from)
    });
    packaging.await.unwrap_or_else(|error| {
        tracing::error!(error = %error, "the packager crashed");
        let message = "the packager crashed; the controller's log says why".to_owned();
        Err(Failure { class: Class::TRANSIENT, reason: reasons::BUILD_FAILED, message })
    })
}

#[cfg(test)]
mod tests;
