//! What a scrape sees.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::PrometheusRecorder;
use tower::ServiceExt as _;

use super::*;
use crate::activity::{SourceActivity, State};
use crate::api::ObjectName;

/// Metrics of one test, apart from those of the others.
pub(crate) struct Recorded(PrometheusRecorder);

impl Default for Recorded {
    fn default() -> Self {
        let recorder = builder().unwrap().build_recorder();
        metrics::with_local_recorder(&recorder, describe);
        Self(recorder)
    }
}

impl Recorded {
    /// Collects what this thread counts, as long as the guard lives.
    pub(crate) fn record_here(&self) -> LocalRecorderGuard<'_> {
        metrics::set_default_local_recorder(&self.0)
    }

    /// The value of a series, written as in the exposition.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        parse(&self.0.handle().render()).remove(series)
    }

    async fn scrape(&self, activities: &Arc<Activities>) -> HashMap<String, f64> {
        let router = router(self.0.handle(), Arc::clone(activities), None);
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], EXPOSITION);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        parse(std::str::from_utf8(&body).unwrap())
    }
}

/// Reads the text exposition format and checks its rules: one TYPE for each family, before its only block of samples;
/// no series twice.
fn parse(text: &str) -> HashMap<String, f64> {
    assert!(text.is_empty() || text.ends_with('\n'));
    let (mut series, mut types) = (HashMap::new(), HashMap::new());
    let mut family = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            assert_eq!(words.len(), 3, "{line}");
            if words[0] == "TYPE" {
                family = words[1].to_owned();
                assert!(["counter", "gauge", "histogram"].contains(&words[2]), "{line}");
                assert_eq!(types.insert(family.clone(), words[2]), None, "{family} is described twice");
            } else {
                assert_eq!(words[0], "HELP", "{line}");
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let bare = name.split('{').next().unwrap();
        let suffixes = ["", "_bucket", "_sum", "_count"];
        assert!(suffixes.iter().any(|suffix| bare.strip_suffix(suffix) == Some(&family)), "{line} is not of {family}");
        assert!(!name.contains('{') || name.ends_with("\"}"), "{line}");
        assert_eq!(series.insert(name.to_owned(), value.parse().unwrap()), None, "{name} twice");
    }
    series
}

fn set(activities: &Activities, source: &ObjectName, activity: SourceActivity) {
    let (succeeded, failed) = (activity.runs_succeeded, activity.runs_failed);
    activities.update(source, activity);
    (0..succeeded).for_each(|_| activities.count(source, true));
    (0..failed).for_each(|_| activities.count(source, false));
}

fn activity(state: State, ready: Option<bool>, succeeded: u64, failed: u64) -> SourceActivity {
    SourceActivity {
        state,
        ready,
        kind: "http".into(),
        runs_succeeded: succeeded,
        runs_failed: failed,
        ..SourceActivity::default()
    }
}

#[tokio::test]
async fn objects_have_series_as_long_as_they_exist() {
    let recorded = Recorded::default();
    let activities = Arc::new(Activities::default());
    let (one, two) = (ObjectName::new("team-a", "one"), ObjectName::new("team-b", "two"));
    set(&activities, &one, activity(State::Ready, Some(true), 5, 2));
    set(&activities, &two, activity(State::Suspended, None, 0, 0));
    let series = recorded.scrape(&activities).await;
    let condition = |namespace: &str, name: &str, status: &str| {
        series
            .get(&format!(
                "gotk_reconcile_condition{{kind=\"ExternalSource\",namespace=\"{namespace}\",name=\"{name}\",\
             type=\"Ready\",status=\"{status}\"}}"
            ))
            .copied()
    };
    let conditions =
        |namespace: &str, name: &str| ["True", "False", "Unknown"].map(|status| condition(namespace, name, status));
    assert_eq!(conditions("team-a", "one"), [Some(1.0), Some(0.0), Some(0.0)]);
    assert_eq!(conditions("team-b", "two"), [Some(0.0), Some(0.0), Some(1.0)]);
    for (name, value) in [
        ("gotk_suspend_status{kind=\"ExternalSource\",namespace=\"team-a\",name=\"one\"}", 0.0),
        ("gotk_suspend_status{kind=\"ExternalSource\",namespace=\"team-b\",name=\"two\"}", 1.0),
        (
            "externalsource_reconciliation_total{namespace=\"team-a\",name=\"one\",source_type=\"http\",success=\"true\"}",
            5.0,
        ),
        (
            "externalsource_reconciliation_total{namespace=\"team-a\",name=\"one\",source_type=\"http\",success=\"false\"}",
            2.0,
        ),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}");
    }

    set(&activities, &two, activity(State::Failing, Some(false), 0, 1));
    activities.remove(&one);
    let series = recorded.scrape(&activities).await;
    assert!(series.keys().all(|name| !name.contains("\"one\"")), "{series:?}");
    let suspended = series.get("gotk_suspend_status{kind=\"ExternalSource\",namespace=\"team-b\",name=\"two\"}");
    assert_eq!(suspended, Some(&0.0));
    activities.remove(&two);
    assert_eq!(recorded.scrape(&activities).await, HashMap::new());
}

#[tokio::test]
async fn labels_cannot_break_the_format() {
    let activities = Arc::new(Activities::default());
    let odd = SourceActivity { kind: "a\"b\\c\nd".into(), ..activity(State::Ready, None, 1, 0) };
    set(&activities, &ObjectName::new("team-a", "one"), odd);
    let series = Recorded::default().scrape(&activities).await;
    assert!(series.keys().any(|name| name.contains("source_type=\"a\\\"b\\\\c\\nd\"")), "{series:?}");
}

#[tokio::test]
async fn every_family_can_be_scraped() {
    let recorded = Recorded::default();
    let guard = recorded.record_here();
    reconciled("http", true, Duration::from_millis(300));
    reconciled("http", false, Duration::from_secs(1000));
    request("http", Some(axum::http::StatusCode::NOT_FOUND), Duration::from_millis(20));
    request("http", None, Duration::from_millis(20));
    actor_restarted("fetcher");
    queue("fetch", 3, 8);
    stored(1000);
    storage_failed("store");
    available("storage", false);
    available("api-server", true);
    let artifacts = ArtifactMetrics::new();
    drop(artifacts.begin());
    artifacts.answered(axum::http::StatusCode::OK);
    artifacts.sent(10);
    hook_executor(2, 3, false);
    hook_executed("postRequest", "retry", "failed", Duration::from_secs(1));
    drop(guard);
    recorded.0.handle().run_upkeep();
    let series = recorded.scrape(&Arc::default()).await;
    for (name, value) in [
        ("externalsource_reconciliation_duration_seconds_count{source_type=\"http\",success=\"true\"}", 1.0),
        (
            "externalsource_reconciliation_duration_seconds_bucket{source_type=\"http\",success=\"true\",le=\"0.25\"}",
            0.0,
        ),
        (
            "externalsource_reconciliation_duration_seconds_bucket{source_type=\"http\",success=\"true\",le=\"0.5\"}",
            1.0,
        ),
        ("gotk_reconcile_duration_seconds_sum{kind=\"ExternalSource\"}", 1000.3),
        ("externalsource_api_request_latency_seconds_count{source_type=\"http\",code=\"4xx\"}", 1.0),
        ("externalsource_api_request_latency_seconds_count{source_type=\"http\",code=\"error\"}", 1.0),
        ("externalsource_actor_restarts_total{actor=\"fetcher\"}", 1.0),
        ("externalsource_queue_waiting{pool=\"fetch\"}", 3.0),
        ("externalsource_queue_running{pool=\"fetch\"}", 8.0),
        ("externalsource_storage_stored_total", 1.0),
        ("externalsource_storage_stored_bytes_total", 1000.0),
        ("externalsource_storage_errors_total{operation=\"store\"}", 1.0),
        ("externalsource_dependency_available{dependency=\"storage\"}", 0.0),
        ("externalsource_dependency_available{dependency=\"api-server\"}", 1.0),
        ("externalsource_hook_executor_running", 2.0),
        ("externalsource_hook_execution_total{stage=\"postRequest\",policy=\"retry\",outcome=\"failed\"}", 1.0),
        ("externalsource_hook_execution_duration_seconds_count{stage=\"postRequest\",outcome=\"failed\"}", 1.0),
        ("externalsource_hook_executor_waiting", 3.0),
        ("externalsource_hook_executor_whitelist_valid", 0.0),
        ("externalsource_artifact_server_requests_total{code=\"200\"}", 1.0),
        ("externalsource_artifact_server_sent_bytes_total", 10.0),
        ("externalsource_artifact_server_requests_in_flight", 0.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} of {:#?}", series.keys());
    }
    let text = recorded.0.handle().render();
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        let family = line.split(' ').nth(2).unwrap();
        assert!(text.contains(&format!("# HELP {family} ")), "{family} is not described");
    }
}

#[tokio::test(start_paused = true)]
async fn upkeep_ends_with_the_shutdown() {
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(upkeep(Recorded::default().0.handle(), Duration::from_secs(5), shutdown.clone()));
    shutdown.cancel();
    task.await.unwrap();
}
