//! Prometheus metrics: the families that other modules count in, and the endpoint that shows them together with the
//! series of the objects that exist at that moment.

mod families;
mod objects;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use futures::future::BoxFuture;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::activity::Activities;

pub use families::*;

/// The text exposition format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>).
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds in seconds that span an answer from a cache and a long download.
const BUCKETS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// Metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("could not set up metrics: {0}")]
pub struct MetricsError(#[from] BuildError);

/// Collects this process's metrics from now on; [`upkeep`] has to run as long as they are collected.
pub fn install() -> Result<PrometheusHandle, MetricsError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), BUCKETS)
}

/// Keeps histograms small, once per `period`, until `shutdown`.
pub async fn upkeep(handle: PrometheusHandle, period: Duration, shutdown: CancellationToken) {
    let mut interval = tokio::time::interval(period);
    while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// Called before a scrape is answered, to count what is known only to who is asked.
pub type Ask = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// `/metrics`: what was counted, and the series of the sources that `activities` knows now.
pub fn router(handle: PrometheusHandle, activities: Arc<Activities>, ask: Option<Ask>) -> Router {
    let render = async move || {
        if let Some(ask) = &ask {
            ask().await;
        }
        let mut text = handle.render();
        objects::render(&mut text, &activities);
        ([(CONTENT_TYPE, EXPOSITION)], text)
    };
    Router::new().route("/metrics", get(render))
}

#[cfg(test)]
pub(crate) mod tests;
