//! Polls of origins that have nothing new: what each costs, and that none of them writes.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use flux_externalsource::api::ExternalSource;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use testbed::{Filter, eventually};

use crate::bed::{Bed, Controller, LIMIT};
use crate::{fleet, usage};

/// Sources that poll every second.
const SOURCES: usize = 100;

/// Polls to look at.
const POLLS: usize = 1500;

/// What polls of unchanged origins cost.
pub struct Polls {
    pub count: usize,
    pub unconditional: usize,
    pub writes: usize,
    /// Of the controller, for all of them.
    pub cpu: Duration,
    pub elapsed: Duration,
}

/// Lets sources of their own poll every second for a while.
pub async fn run(bed: &Bed, controller: &Controller, namespace: &str) -> Result<Polls> {
    let api: Api<ExternalSource> = Api::namespaced(bed.testbed.client().await?, namespace);
    let ready = fleet::until_ready(bed.testbed.client().await?, namespace, SOURCES).await?;
    for number in 0..SOURCES {
        bed.publish(number);
        api.create(&PostParams::default(), &fleet::source(bed, namespace, number, "1s")?).await?;
    }
    ready.await??;
    let audit = bed.testbed.audit_log().await?;
    let since = audit.position().await?;
    bed.origin.forget();
    let (before, started) = (usage::cpu(controller.pid())?, Instant::now());
    let requests = eventually("the polls", LIMIT, async || {
        let requests = bed.origin.requests();
        ensure!(requests.len() >= POLLS, "{} so far", requests.len());
        Ok(requests)
    })
    .await?;
    let cpu = usage::cpu(controller.pid())?.saturating_sub(before);
    let elapsed = started.elapsed();
    let filter = Filter::all().user(&controller.user).namespace(namespace);
    let writes = audit.writes(since, &filter).await?;
    let writes =
        writes.iter().filter(|write| write.object_ref.as_ref().is_none_or(|it| it.resource != "events")).count();
    let unconditional = requests.iter().filter(|request| request.header("if-none-match").is_none()).count();
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    Ok(Polls { count: requests.len(), unconditional, writes, cpu, elapsed })
}
