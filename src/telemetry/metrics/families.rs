//! The metric families: one function for each thing that is counted. Labels have few values; nothing here carries
//! the name of an object, which would outlive it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const RECONCILIATION_DURATION: &str = "externalsource_reconciliation_duration_seconds";
const GOTK_RECONCILE_DURATION: &str = "gotk_reconcile_duration_seconds";
const API_REQUEST_LATENCY: &str = "externalsource_api_request_latency_seconds";
const HOOK_EXECUTIONS: &str = "externalsource_hook_execution_total";
const HOOK_DURATION: &str = "externalsource_hook_execution_duration_seconds";
const ACTOR_RESTARTS: &str = "externalsource_actor_restarts_total";
const QUEUE_WAITING: &str = "externalsource_queue_waiting";
const QUEUE_RUNNING: &str = "externalsource_queue_running";
const STORED: &str = "externalsource_storage_stored_total";
const STORED_BYTES: &str = "externalsource_storage_stored_bytes_total";
const STORAGE_ERRORS: &str = "externalsource_storage_errors_total";
const COLLECTOR_ROUNDS: &str = "externalsource_storage_collector_rounds_total";
const COLLECTOR_DURATION: &str = "externalsource_storage_collector_duration_seconds";
const REMOVED: &str = "externalsource_storage_collected_total";
const VERIFIED: &str = "externalsource_storage_verified_total";
const ARCHIVES: &str = "externalsource_storage_archives";
const ARCHIVES_BYTES: &str = "externalsource_storage_archives_bytes";
const AVAILABLE: &str = "externalsource_dependency_available";
const HOOK_EXECUTOR_RUNNING: &str = "externalsource_hook_executor_running";
const HOOK_EXECUTOR_WAITING: &str = "externalsource_hook_executor_waiting";
const WHITELIST_VALID: &str = "externalsource_hook_executor_whitelist_valid";
const ARTIFACT_REQUESTS: &str = "externalsource_artifact_server_requests_total";
const ARTIFACT_BYTES: &str = "externalsource_artifact_server_sent_bytes_total";
const ARTIFACT_IN_FLIGHT: &str = "externalsource_artifact_server_requests_in_flight";

/// All that the artifact server answers with.
const ARTIFACT_STATUSES: [StatusCode; 9] = [
    StatusCode::OK,
    StatusCode::PARTIAL_CONTENT,
    StatusCode::NOT_MODIFIED,
    StatusCode::TEMPORARY_REDIRECT,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::RANGE_NOT_SATISFIABLE,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Tells the recorder what each family means.
pub(super) fn describe() {
    let seconds = |name, help: &'static str| describe_histogram!(name, Unit::Seconds, help);
    let count = |name, help: &'static str| describe_counter!(name, Unit::Count, help);
    let now = |name, help: &'static str| describe_gauge!(name, Unit::Count, help);
    seconds(RECONCILIATION_DURATION, "Duration of runs, from start to end.");
    seconds(GOTK_RECONCILE_DURATION, "Duration of runs, under the name that Flux's controllers use.");
    seconds(API_REQUEST_LATENCY, "Time that requests to origins took, up to the end of the answer.");
    count(HOOK_EXECUTIONS, "Hooks, transformations and assertions that were tried.");
    seconds(HOOK_DURATION, "Time that hooks, transformations and assertions took, with the wait for their turn.");
    count(ACTOR_RESTARTS, "Restarts of actors, and of workers of the pools, after a crash.");
    now(QUEUE_WAITING, "Pieces of work that wait in a pool, for a worker or for an earlier piece of the same source.");
    now(QUEUE_RUNNING, "Pieces of work that workers of a pool do now.");
    count(STORED, "Archives that were stored.");
    describe_counter!(STORED_BYTES, Unit::Bytes, "Bytes of archives that were stored.");
    count(STORAGE_ERRORS, "Operations of the storage that failed.");
    count(COLLECTOR_ROUNDS, "Rounds of the garbage collector.");
    seconds(COLLECTOR_DURATION, "Duration of the garbage collector's rounds.");
    count(REMOVED, "What the garbage collector removed.");
    count(VERIFIED, "Archives that were read to compare them with their digests.");
    now(ARCHIVES, "Archives that were stored at the garbage collector's last round.");
    describe_gauge!(
        ARCHIVES_BYTES,
        Unit::Bytes,
        "Bytes of the archives that were stored at the garbage collector's last round."
    );
    now(AVAILABLE, "Whether what we depend on answers: 1 or 0.");
    now(HOOK_EXECUTOR_RUNNING, "Commands and transformations that the hook executor runs.");
    now(HOOK_EXECUTOR_WAITING, "Requests that wait for their turn at the hook executor.");
    now(WHITELIST_VALID, "Whether the hook executor's whitelist is what its file says: 1 or 0.");
    count(ARTIFACT_REQUESTS, "Requests that the artifact server answered.");
    describe_counter!(ARTIFACT_BYTES, Unit::Bytes, "Bytes of archives that the artifact server sent.");
    now(ARTIFACT_IN_FLIGHT, "Requests that the artifact server is answering.");
}

/// A run of a source of this type ended after `duration`. Its count per object is kept in
/// [`crate::activity::SourceActivity`].
pub fn reconciled(source_type: &str, success: bool, duration: Duration) {
    histogram!(
        RECONCILIATION_DURATION, "source_type" => source_type.to_owned(), "success" => flag(success)
    )
    .record(duration);
    histogram!(GOTK_RECONCILE_DURATION, "kind" => "ExternalSource").record(duration);
}

/// A request to an origin ended after `duration`: with a status, or with none at all.
pub fn request(source_type: &str, status: Option<StatusCode>, duration: Duration) {
    let class = match status.map(|status| status.as_u16() / 100) {
        Some(1) => "1xx",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(_) => "5xx",
        None => "error",
    };
    histogram!(API_REQUEST_LATENCY, "source_type" => source_type.to_owned(), "code" => class).record(duration);
}

/// Something ran around a request: which stage of it (`preRequest`, `assertions`, `postRequest`, `transform`), what its
/// failure would mean (`ignore`, `retry`, `fail`), and what came of it.
pub fn hook_executed(stage: &'static str, policy: &'static str, outcome: &'static str, duration: Duration) {
    counter!(HOOK_EXECUTIONS, "stage" => stage, "policy" => policy, "outcome" => outcome).increment(1);
    histogram!(HOOK_DURATION, "stage" => stage, "outcome" => outcome).record(duration);
}

/// An actor of this kind is started again after a crash.
pub fn actor_restarted(actor: &'static str) {
    counter!(ACTOR_RESTARTS, "actor" => actor).increment(1);
}

/// How many pieces of work wait in a pool and are being done.
pub fn queue(pool: &'static str, waiting: usize, running: usize) {
    gauge!(QUEUE_WAITING, "pool" => pool).set(waiting as f64);
    gauge!(QUEUE_RUNNING, "pool" => pool).set(running as f64);
}

/// An archive of this size was stored.
pub fn stored(bytes: u64) {
    counter!(STORED).increment(1);
    counter!(STORED_BYTES).increment(bytes);
}

/// A round of the garbage collector ended after `duration`: it is `done`, has `failed`, or is `waiting` for a complete view
/// of the objects.
pub fn collector_round(outcome: &'static str, duration: Duration) {
    counter!(COLLECTOR_ROUNDS, "outcome" => outcome).increment(1);
    histogram!(COLLECTOR_DURATION, "outcome" => outcome).record(duration);
}

/// The garbage collector removed so much because of this (`orphan`, `damaged`, `unfinished`).
pub fn removed(why: &'static str, count: u64) {
    counter!(REMOVED, "why" => why).increment(count);
}

/// An archive was read and found to be `sound`, `damaged` or `missing`.
pub fn verified(outcome: &'static str) {
    counter!(VERIFIED, "outcome" => outcome).increment(1);
}

/// So much is stored.
pub fn stored_now(archives: u64, bytes: u64) {
    gauge!(ARCHIVES).set(archives as f64);
    gauge!(ARCHIVES_BYTES).set(bytes as f64);
}

/// An operation of the storage (such as `store`) failed.
pub fn storage_failed(operation: &'static str) {
    counter!(STORAGE_ERRORS, "operation" => operation).increment(1);
}

/// Whether something we depend on (such as `storage`) answers.
pub fn available(dependency: &'static str, answers: bool) {
    gauge!(AVAILABLE, "dependency" => dependency).set(f64::from(u8::from(answers)));
}

/// How the hook executor is, when it was last asked.
pub fn hook_executor(running: usize, waiting: usize, whitelist_valid: bool) {
    gauge!(HOOK_EXECUTOR_RUNNING).set(running as f64);
    gauge!(HOOK_EXECUTOR_WAITING).set(waiting as f64);
    gauge!(WHITELIST_VALID).set(f64::from(u8::from(whitelist_valid)));
}

/// A request that the artifact server is answering, until it is dropped.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// What the artifact server counts. Looked up once: a look-up costs more than all the rest of counting.
pub struct ArtifactMetrics {
    answers: [(StatusCode, Counter); ARTIFACT_STATUSES.len()],
    sent: Counter,
    in_flight: Gauge,
}

impl ArtifactMetrics {
    /// For the recorder that is installed now.
    pub fn new() -> Arc<Self> {
        let answers = |status: StatusCode| (status, counter!(ARTIFACT_REQUESTS, "code" => status.as_str().to_owned()));
        let (sent, in_flight) = (counter!(ARTIFACT_BYTES), gauge!(ARTIFACT_IN_FLIGHT));
        Arc::new(Self { answers: ARTIFACT_STATUSES.map(answers), sent, in_flight })
    }

    /// A request arrived.
    pub fn begin(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }

    /// A request was answered with this status; the content is still to be sent.
    pub fn answered(&self, status: StatusCode) {
        if let Some((_, counter)) = self.answers.iter().find(|(known, _)| *known == status) {
            counter.increment(1);
        }
    }

    /// Bytes of an archive were handed to a connection.
    pub fn sent(&self, bytes: u64) {
        self.sent.increment(bytes);
    }
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
