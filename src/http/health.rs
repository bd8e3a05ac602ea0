//! `/healthz` and `/readyz`: whether this process works, and whether it may be sent requests.
//!
//! Readiness waits for things to have worked once. A later outage of the storage or the API server is a detail in the
//! text: artifacts are still served, and taking the pod out of its Service would turn one outage into two.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use futures::future::BoxFuture;

use crate::telemetry::outages::Outages;

/// How long the liveness check may take: far longer than any message waits in a healthy process.
const LIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks whether the process works; true is yes. No answer within five seconds is no.
pub type LiveCheck = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// Tells what is odd without being a reason to be unready: a name and a text.
pub type Details = Arc<dyn Fn() -> BoxFuture<'static, Option<(&'static str, String)>> + Send + Sync>;

/// What is known about this process's health. Written by whoever knows, read by probes.
pub struct Health {
    live: LiveCheck,
    synced: AtomicBool,
    storage_reached: AtomicBool,
    serving: AtomicBool,
    shutting_down: AtomicBool,
    outages: Arc<Outages>,
    details: Option<Details>,
}

impl Health {
    /// Live as long as `live` says so; not ready yet.
    pub fn new(live: LiveCheck, outages: Arc<Outages>) -> Self {
        let no = || AtomicBool::new(false);
        Self { live, synced: no(), storage_reached: no(), serving: no(), shutting_down: no(), outages, details: None }
    }

    /// Also tells these details to who asks whether it is ready.
    #[must_use]
    pub fn with_details(self, details: Option<Details>) -> Self {
        Self { details, ..self }
    }

    /// Every object was seen once, or this replica stands by.
    pub fn set_synced(&self) {
        self.synced.store(true, Ordering::Release);
    }

    /// The storage answered once.
    pub fn set_storage_reached(&self) {
        self.storage_reached.store(true, Ordering::Release);
    }

    /// Says whether the artifact server accepts connections, or is not wanted.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// The process is about to end.
    pub fn set_shutting_down(&self) {
        self.shutting_down.store(true, Ordering::Release);
    }

    /// Whether requests may be sent to this process.
    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|(_, passed)| *passed)
    }

    fn checks(&self) -> [(&'static str, bool); 4] {
        [
            ("objects", self.synced.load(Ordering::Acquire)),
            ("storage", self.storage_reached.load(Ordering::Acquire)),
            ("artifact-server", self.serving.load(Ordering::Acquire)),
            ("shutdown", !self.shutting_down.load(Ordering::Acquire)),
        ]
    }

    /// One line for each check and detail, in the form that Kubernetes' own components use.
    async fn report(&self) -> String {
        // First: asking may begin or end an outage.
        let detail = match &self.details {
            Some(details) => details().await,
            None => None,
        };
        let mut text = String::new();
        for (name, passed) in self.checks() {
            let (mark, state) = if passed { ('+', "ok") } else { ('-', "not ready") };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "[{mark}]{name} {state}");
        }
        for (name, detail) in self.outages.all().into_iter().chain(detail) {
            let _ = writeln!(text, "[!]{name} {detail}");
        }
        text
    }
}

/// `/healthz` and `/readyz` over `health`: 200 for yes, 503 for no.
pub fn router(health: Arc<Health>) -> Router {
    Router::new().route("/healthz", get(live)).route("/readyz", get(ready)).with_state(health)
}

async fn live(State(health): State<Arc<Health>>) -> impl IntoResponse {
    // The actors end one after the other now; a process that shuts down is not to be killed for that.
    if health.shutting_down.load(Ordering::Acquire) {
        return answer(true, "shutting down\n".to_owned());
    }
    match tokio::time::timeout(LIVE_TIMEOUT, (health.live)()).await {
        Ok(true) => answer(true, "ok\n".to_owned()),
        Ok(false) => answer(false, "the actors do not work\n".to_owned()),
        Err(_) => answer(false, "the actors do not answer\n".to_owned()),
    }
}

async fn ready(State(health): State<Arc<Health>>) -> impl IntoResponse {
    answer(health.is_ready(), health.report().await)
}

fn answer(well: bool, text: String) -> impl IntoResponse {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CACHE_CONTROL, "no-store")], text)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::telemetry::outages::Dependency;

    fn live_when(answer: fn() -> BoxFuture<'static, bool>) -> Arc<Health> {
        Arc::new(Health::new(Arc::new(answer), Arc::default()))
    }

    fn healthy() -> Arc<Health> {
        live_when(|| Box::pin(async { true }))
    }

    async fn ask(health: &Arc<Health>, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(Arc::clone(health)).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_once_everything_has_worked_once() {
        let health = healthy();
        for (name, step) in [
            ("objects", Health::set_synced as fn(&Health)),
            ("storage", Health::set_storage_reached),
            ("artifact-server", |health| health.set_serving(true)),
        ] {
            let (status, text) = ask(&health, "/readyz").await;
            assert_eq!(status, 503);
            assert!(text.contains(&format!("[-]{name} not ready\n")), "{text}");
            step(&health);
        }
        let (status, text) = ask(&health, "/readyz").await;
        assert_eq!(
            (status, text.as_str()),
            (200, "[+]objects ok\n[+]storage ok\n[+]artifact-server ok\n[+]shutdown ok\n")
        );
        health.set_serving(false);
        assert_eq!(ask(&health, "/readyz").await.0, 503);
        health.set_serving(true);
        health.set_shutting_down();
        assert_eq!(ask(&health, "/readyz").await.0, 503);
    }

    #[tokio::test]
    async fn a_process_that_shuts_down_is_not_killed_for_its_dying_actors() {
        let health = live_when(|| Box::pin(async { false }));
        assert_eq!(ask(&health, "/healthz").await.0, 503);
        health.set_shutting_down();
        assert_eq!(ask(&health, "/healthz").await.0, 200);
    }

    #[tokio::test]
    async fn a_later_outage_is_a_detail() {
        let outages = Arc::new(Outages::default());
        let health = Arc::new(Health::new(Arc::new(|| Box::pin(async { true })), Arc::clone(&outages)));
        health.set_synced();
        health.set_storage_reached();
        health.set_serving(true);
        outages.begin(Dependency::Storage, &"unreachable for 5m");
        let (status, text) = ask(&health, "/readyz").await;
        assert_eq!(status, 200);
        assert!(text.ends_with("[!]storage unreachable for 5m\n"), "{text}");
        outages.over(Dependency::Storage);
        assert!(!ask(&health, "/readyz").await.1.contains("[!]"));
    }

    #[tokio::test(start_paused = true)]
    async fn not_live_when_the_actors_say_so_or_nothing() {
        assert_eq!(ask(&live_when(|| Box::pin(async { false })), "/healthz").await.0, 503);
        let (status, text) = ask(&live_when(|| Box::pin(std::future::pending())), "/healthz").await;
        assert_eq!((status, text.as_str()), (503, "the actors do not answer\n"));
    }

    #[tokio::test]
    async fn every_probe_asks_anew() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let live: LiveCheck = Arc::new(move || {
            let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
            Box::pin(async move { first })
        });
        let health = Arc::new(Health::new(live, Arc::default()));
        assert_eq!(ask(&health, "/healthz").await.0, 200);
        assert_eq!(ask(&health, "/healthz").await.0, 503);
    }
}
