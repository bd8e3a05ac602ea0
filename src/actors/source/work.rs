//! Which pool runs which stage, and how its end finds the way back.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::StatusCode;
use ractor::ActorRef;
use tokio_util::sync::CancellationToken;

use super::SourceMsg;
use super::machine::{Attempt, Job, Stage, Work};
use crate::actors::context::Context;
use crate::actors::{fault, pool::PoolHandle};
use crate::api::conditions::reasons;
use crate::api::{ExternalSource, ObjectName};
use crate::failure::{Class, Failure};
use crate::generators::Answer;
use crate::pipeline::fetch::{Answered, Fetch, Fetched};
use crate::pipeline::package::{self, Packaged, Packaging};
use crate::pipeline::{publish, retire};
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

    fn end(mut self, stage: Stage) {
        self.send(stage);
    }

    fn send(&mut self, stage: Stage) {
        if let Some(actor) = self.actor.take() {
            // An actor that is gone has a successor that starts from the objects.
            let _ = actor.cast(SourceMsg::Ended(self.attempt, stage));
        }
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        self.send(Stage::Lost(self.job));
    }
}

/// The kind of a stage.
pub fn job(work: &Work) -> Job {
    match work {
        Work::Verify(_) => Job::Verify,
        Work::Fetch(_) => Job::Fetch,
        Work::Package(_) => Job::Package,
        Work::Store(..) => Job::Store,
        Work::Publish(_) => Job::Publish,
        Work::Progress(_) => Job::Progress,
        Work::Retire(..) => Job::Retire,
        Work::RemoveFinalizer => Job::RemoveFinalizer,
    }
}

/// Whether giving the stage up leaves nothing half done. Writes to the API server are short and always finished.
pub fn is_cancellable(work: &Work) -> bool {
    matches!(work, Work::Verify(_) | Work::Fetch(_) | Work::Package(_) | Work::Store(..))
}

/// Queues the stage in its pool.
pub fn submit(
    context: &Arc<Context>,
    source: Arc<ExternalSource>,
    work: Work,
    completion: Completion,
    cancelled: CancellationToken,
) {
    let pool = pool(context, &work).clone();
    let name = ObjectName::of(source.as_ref());
    let context = Arc::clone(context);
    let task = async move {
        fault::point(pool_fault(&work), &source);
        let stage = tokio::select! {
            stage = run(&context, &source, work, cancelled.clone()) => stage,
            () = cancelled.cancelled() => return,
        };
        completion.end(stage);
    };
    pool.submit(name, Box::pin(task));
}

fn pool<'a>(context: &'a Context, work: &Work) -> &'a PoolHandle {
    let pools = &context.pools;
    match work {
        Work::Fetch(_) => &pools.fetcher,
        Work::Package(_) => &pools.packager,
        Work::Verify(_) | Work::Store(..) | Work::Retire(..) => &pools.storage,
        Work::Publish(_) | Work::Progress(_) | Work::RemoveFinalizer => &pools.publisher,
    }
}

fn pool_fault(work: &Work) -> &'static str {
    match job(work) {
        Job::Fetch => "fetch",
        Job::Package => "package",
        Job::Verify | Job::Store | Job::Retire => "store",
        Job::Publish | Job::Progress | Job::RemoveFinalizer => "publish",
    }
}

async fn run(context: &Arc<Context>, source: &Arc<ExternalSource>, work: Work, cancelled: CancellationToken) -> Stage {
    let storage = context.storage.as_ref();
    match work {
        Work::Verify(advertised) => {
            let stored = context.fetcher.is_stored(&advertised).await;
            Stage::Verified(stored.map(|stored| stored.then(|| storage.url(&advertised.key))))
        }
        Work::Fetch(job) => Stage::Fetched(fetch(context, &job).await),
        Work::Package(job) => Stage::Packaged(package(context, job, cancelled).await),
        Work::Store(key, archive) => {
            let stored = storage.store(&key, &archive.bytes).await;
            match &stored {
                Ok(stored) => metrics::stored(stored.size),
                Err(_) => metrics::storage_failed("store"),
            }
            Stage::Stored(stored.map(|_| storage.url(&key)).map_err(Failure::from))
        }
        Work::Publish(publication) => {
            let result = publish::publish(context.catalog.as_ref(), &publication).await;
            if let Err(error) = &result {
                // The objects cannot say it, because they are what could not be written.
                tracing::warn!(source = %ObjectName::of(source.as_ref()), %error, "a result could not be written");
            }
            Stage::Published(result)
        }
        Work::Progress(publication) => {
            Stage::Progressed(publish::publish(context.catalog.as_ref(), &publication).await)
        }
        Work::Retire(current, retired) => {
            let name = ObjectName::of(source.as_ref());
            let settings = &context.settings.retention;
            let result = retire::retire(storage, &name, current.as_ref(), retired, settings).await;
            if let Err(error) = &result {
                metrics::storage_failed("retire");
                tracing::warn!(source.namespace = &*name.namespace, source.name = &*name.name, %error, "old revisions could not be removed");
            }
            let in_how_long = |at: SystemTime| at.duration_since(SystemTime::now()).unwrap_or_default();
            Stage::Retired(result.map(|(left, next)| (left, next.map(in_how_long))).map_err(Failure::from))
        }
        Work::RemoveFinalizer => Stage::FinalizerRemoved(context.catalog.remove_legacy_finalizer(source).await),
    }
}

async fn fetch(context: &Context, job: &Fetch) -> Fetched {
    let started = Instant::now();
    let fetched = context.fetcher.fetch(job).await;
    let status = match &fetched.result {
        Ok(Answered { answer: Answer::NotModified, .. }) => Some(StatusCode::NOT_MODIFIED),
        Ok(Answered { answer: Answer::Content(_), .. }) => Some(StatusCode::OK),
        Err(_) => None,
    };
    metrics::request(&job.source.spec.generator.kind, status, started.elapsed());
    fetched
}

/// Packages on a blocking thread; giving up the stage stops it at its next chunk.
async fn package(context: &Arc<Context>, job: Packaging, cancelled: CancellationToken) -> Result<Packaged, Failure> {
    let context = Arc::clone(context);
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
