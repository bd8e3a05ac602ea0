//! Two replicas with a lease and a storage each: one works, both serve what they have, and the work is handed over.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::Value;
use testbed::audit::Position;
use testbed::process::Signal;
use testbed::{Filter, Origin, Reply, Testbed, eventually, wait_for_condition};

use crate::harness::{Controller, Options, SOON, Sources, ensure_status, ensure_try_again, http_source, testbed};

/// A lease that expires within a test, and that a leader on a busy machine keeps all the same.
const SHORT: [(&str, &str); 3] =
    [("LEASE_DURATION", "5s"), ("LEASE_RENEW_DEADLINE", "4s"), ("LEASE_RETRY_PERIOD", "500ms")];

/// A lease that never expires within a test: it can only be given back.
const LONG: [(&str, &str); 3] =
    [("LEASE_DURATION", "20m"), ("LEASE_RENEW_DEADLINE", "15m"), ("LEASE_RETRY_PERIOD", "500ms")];

const NAMES: [&str; 3] = ["one", "two", "three"];

/// Two replicas; `leader` got the lease first.
struct Pair {
    testbed: Testbed,
    sources: Sources,
    origin: Origin,
    leases: Api<Lease>,
    leader: Controller,
    standby: Controller,
}

impl Pair {
    /// Replicas whose sources are Ready.
    async fn start(prefix: &str, lease: [(&'static str, &str); 3]) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let origin = Origin::start().await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        let leases: Api<Lease> = Api::namespaced(testbed.client().await?, "flux-system");
        let leader = replica(&testbed, &namespace, "first", lease).await?;
        until_held_by(&leases, &namespace, "first").await?;
        let standby = replica(&testbed, &namespace, "second", lease).await?;
        let this = Self { testbed, sources, origin, leases, leader, standby };
        for name in NAMES {
            this.origin.on(&path(name), Reply::ok(content(name)));
            this.sources.apply(name, &http_source(&this.origin.url(&path(name)))).await?;
        }
        for name in NAMES {
            this.sources.wait_ready(name).await?;
        }
        Ok(this)
    }

    async fn until_held_by(&self, replica: &str) -> Result<()> {
        until_held_by(&self.leases, &self.sources.namespace, replica).await
    }

    /// Waits until everything advertised is at this replica, and is what the origin said.
    async fn until_advertised_at(&self, replica: &Controller) -> Result<()> {
        for name in NAMES {
            eventually(&format!("{name} to be advertised by the new leader"), SOON, async || {
                let url = self.sources.advertised(name).await?.url;
                ensure!(url.starts_with(&base(replica)), "{url}");
                Ok(())
            })
            .await?;
            self.ensure_content(name).await?;
        }
        Ok(())
    }

    async fn ensure_content(&self, name: &str) -> Result<()> {
        let files = self.sources.download(name).await?;
        ensure!(files == [(format!("{name}.yaml"), content(name))], "{files:?}");
        Ok(())
    }

    /// The tokens of those who have written objects of the namespace: each replica has its own.
    async fn writers(&self, since: Position) -> Result<BTreeSet<String>> {
        let filter = Filter::all().user(&self.leader.user).namespace(&self.sources.namespace);
        let writes = self.testbed.audit_log().await?.writes(since, &filter).await?;
        writes.iter().map(|write| write.credential().context("a write without a token").map(str::to_owned)).collect()
    }

    fn ensure_requests(&self, name: &str, count: usize) -> Result<()> {
        let requests = self.origin.requests_for(&path(name)).len();
        ensure!(requests == count, "{requests} requests for {name}");
        Ok(())
    }
}

async fn replica(
    testbed: &Testbed,
    namespace: &str,
    pod: &str,
    lease: [(&'static str, &str); 3],
) -> Result<Controller> {
    let mut options = Options::default()
        .with("LEADER_ELECT", "true")
        .with("LEASE_NAME", namespace)
        .with("POD_NAME", format!("{namespace}-{pod}"));
    for (name, value) in lease {
        options = options.with(name, value);
    }
    Controller::start_with(testbed, namespace, options).await
}

async fn until_held_by(leases: &Api<Lease>, namespace: &str, replica: &str) -> Result<()> {
    // Its pod, and something that tells the pod's processes apart.
    let holder = format!("{namespace}-{replica}_");
    let is_held =
        |lease: &Value| lease["spec"]["holderIdentity"].as_str().is_some_and(|identity| identity.starts_with(&holder));
    wait_for_condition(leases, namespace, &format!("be held by {holder}"), SOON, is_held).await?;
    Ok(())
}

fn base(replica: &Controller) -> String {
    format!("http://127.0.0.1:{}/", replica.artifacts)
}

fn readyz(replica: &Controller) -> String {
    format!("http://127.0.0.1:{}/readyz", replica.health)
}

fn path(name: &str) -> String {
    format!("/{name}.yaml")
}

fn content(name: &str) -> String {
    format!("name: {name}\n")
}

#[tokio::test]
async fn only_the_leader_works_and_the_other_one_is_ready_and_asks_consumers_to_come_back() -> Result<()> {
    let pair = Pair::start("pair", LONG).await?;
    pair.until_advertised_at(&pair.leader).await?;
    // A run later, whatever the other one might have done would have been done.
    pair.sources.request("one", "later").await?;
    pair.sources.wait_handled("one", "later").await?;
    for (name, count) in NAMES.into_iter().zip([2, 1, 1]) {
        pair.ensure_requests(name, count)?;
        let key = pair.sources.advertised(name).await?.path;
        ensure_status(&format!("{}{key}", base(&pair.leader)), 200).await?;
        ensure_try_again(&format!("{}{key}", base(&pair.standby))).await?;
    }
    ensure_status(&readyz(&pair.leader), 200).await?;
    ensure_status(&readyz(&pair.standby), 200).await?;
    ensure!(pair.writers(Position::default()).await?.len() == 1, "both have written");
    Ok(())
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_one_advertises_bytes_that_are_there() -> Result<()> {
    let pair = Pair::start("killed-leader", SHORT).await?;
    pair.until_held_by("first").await?;
    let mut revisions = Vec::new();
    for name in NAMES {
        revisions.push(pair.sources.advertised(name).await?.revision);
    }
    pair.leader.process.kill().await?;
    pair.until_held_by("second").await?;
    pair.until_advertised_at(&pair.standby).await?;
    for (name, revision) in NAMES.into_iter().zip(revisions) {
        ensure!(pair.sources.advertised(name).await?.revision == revision, "the revision of {name} changed");
        pair.ensure_requests(name, 2)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_leader_that_is_asked_to_end_hands_over_without_waiting_for_the_lease_to_expire() -> Result<()> {
    let pair = Pair::start("handover", LONG).await?;
    let status = pair.leader.process.terminate(SOON).await?;
    ensure!(status.code() == Some(0), "{status}");
    // All of this within a minute, of the twenty that the lease lasts.
    pair.until_held_by("second").await?;
    pair.until_advertised_at(&pair.standby).await
}

#[tokio::test]
async fn a_leader_that_slept_through_its_lease_writes_nothing_more_and_steps_down() -> Result<()> {
    let pair = Pair::start("sleeper", SHORT).await?;
    pair.until_held_by("first").await?;
    pair.until_advertised_at(&pair.leader).await?;
    let sleeper = pair.writers(Position::default()).await?;
    ensure!(sleeper.len() == 1, "more than one replica has written: {sleeper:?}");

    // Its answer comes while the leader sleeps: on waking it would package, store and advertise it.
    let late = Reply::ok("stale: true\n").delay(Duration::from_secs(1));
    pair.origin.on_each(&path("one"), [late, Reply::ok(content("one"))]);
    pair.sources.request("one", "before").await?;
    pair.origin.wait_for_requests(&path("one"), 2, SOON).await?;
    pair.leader.process.signal(Signal::STOP)?;
    pair.until_held_by("second").await?;
    pair.until_advertised_at(&pair.standby).await?;
    pair.sources.wait_handled("one", "before").await?;
    let since = pair.testbed.audit_log().await?.position().await?;

    pair.leader.process.signal(Signal::CONT)?;
    pair.leader.process.until_logged("\"leading\":false", SOON).await?;
    pair.sources.request("one", "after").await?;
    pair.sources.wait_handled("one", "after").await?;
    let writers = pair.writers(since).await?;
    ensure!(writers.len() == 1 && writers.is_disjoint(&sleeper), "{sleeper:?} slept, and {writers:?} wrote after that");
    pair.ensure_requests("one", 4)?;
    pair.until_advertised_at(&pair.standby).await?;

    // Both have stored these, and the one that stepped down still serves them.
    for name in ["two", "three"] {
        let key = pair.sources.advertised(name).await?.path;
        ensure_status(&format!("{}{key}", base(&pair.leader)), 200).await?;
    }
    ensure_status(&readyz(&pair.leader), 200).await?;
    ensure_status(&readyz(&pair.standby), 200).await?;
    // And it can lead again.
    pair.standby.process.terminate(SOON).await?;
    pair.until_held_by("first").await?;
    pair.until_advertised_at(&pair.leader).await
}
