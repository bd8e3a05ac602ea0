//! What we tell about ourselves: logs and metrics.

pub mod logs;
pub mod metrics;
pub mod outages;
pub mod storage;
