//! The controller is killed and started again; nothing that it had in memory is left.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use testbed::{AuditEvent, Filter, Origin, Reply, Testbed, eventually, wait, wait_for_condition};

use crate::harness::{Controller, Options, SOON, Sources, ensure_status, ensure_try_again, http_source, testbed};

/// How long an advertisement outlives its archive (`WITHDRAW_AFTER` in src/actors/source/machine).
const WITHDRAWN_AFTER: Duration = Duration::from_secs(60);

/// A controller that can be killed and comes back at its old address, as a pod of a `StatefulSet` does.
struct Restartable {
    testbed: Testbed,
    sources: Sources,
    origin: Origin,
    controller: Controller,
}

impl Restartable {
    /// With these sources, Ready, of which each has an archive of its own.
    async fn start(prefix: &str, names: &[&str]) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let origin = Origin::start().await?;
        let controller = Controller::start(&testbed, &namespace).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        let this = Self { testbed, sources, origin, controller };
        for name in names {
            this.origin.on(&path(name), Reply::ok(content(name)).etag("\"v1\""));
            this.create(name).await?;
        }
        for name in names {
            this.sources.wait_ready(name).await?;
        }
        Ok(this)
    }

    async fn create(&self, name: &str) -> Result<String> {
        let source = self.sources.apply(name, &http_source(&self.origin.url(&path(name)))).await?;
        source.metadata.uid.context("an object without uid")
    }

    /// Starts the killed controller again.
    async fn start_again(&mut self, options: Options) -> Result<()> {
        let port = self.controller.artifacts;
        let options = options
            .with("ARTIFACT_SERVER_PORT", port.to_string())
            .with("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{port}"));
        self.controller = Controller::start_with(&self.testbed, &self.sources.namespace, options).await?;
        self.controller.artifacts = port;
        Ok(())
    }

    /// Waits until the source is Ready, as the object with this uid, and its archive is served.
    async fn until_served(&self, name: &str, uid: &str) -> Result<()> {
        let what = format!("be Ready as {uid}");
        let is_ready = |source: &Value| source["metadata"]["uid"] == uid && wait::condition_is("Ready", "True")(source);
        self.sources.wait(name, &what, is_ready).await?;
        eventually(&format!("the archive of {name}"), SOON, async || self.ensure_content(name).await).await
    }

    async fn ensure_content(&self, name: &str) -> Result<()> {
        let files = self.sources.download(name).await?;
        ensure!(files == [(format!("{name}.yaml"), content(name))], "{files:?}");
        Ok(())
    }

    async fn writes(&self, since: testbed::audit::Position, filter: Filter) -> Result<Vec<AuditEvent>> {
        let filter = filter.user(&self.controller.user).namespace(&self.sources.namespace);
        self.testbed.audit_log().await?.writes(since, &filter).await
    }
}

fn path(name: &str) -> String {
    format!("/{name}.yaml")
}

fn content(name: &str) -> String {
    format!("name: {name}\n")
}

#[tokio::test]
async fn after_a_kill_the_same_artifact_is_there_again_and_its_advertisement_was_left_alone() -> Result<()> {
    let mut test = Restartable::start("killed", &["config"]).await?;
    let before = (test.sources.wait_ready("config").await?, test.sources.artifacts.get("config").await?);
    test.controller.process.kill().await?;
    let since = test.testbed.audit_log().await?.position().await?;
    test.start_again(Options::default()).await?;
    eventually("the archive", SOON, async || test.ensure_content("config").await).await?;
    // The third request is conditional: what the second one brought is known to be stored.
    test.sources.request("config", "after").await?;
    test.sources.wait_handled("config", "after").await?;
    let requests = test.origin.requests_for(&path("config"));
    let conditional: Vec<_> = requests.iter().map(|request| request.header("if-none-match")).collect();
    ensure!(conditional == [None, None, Some("\"v1\"")], "{conditional:?}");
    // A run that takes long on a busy machine reports its progress in the source's status; nothing else may be written.
    let mut writes = test.writes(since, Filter::all()).await?;
    writes.retain(|write| write.object_ref.as_ref().is_none_or(|object| object.resource != "externalsources"));
    ensure!(writes.is_empty(), "{writes:#?}");
    let after = (test.sources.wait_ready("config").await?, test.sources.artifacts.get("config").await?);
    ensure!(after.0["status"]["conditions"] == before.0["status"]["conditions"], "{}", after.0["status"]);
    ensure!(after.0["status"]["artifact"] == before.0["status"]["artifact"], "{}", after.0["status"]);
    ensure!(
        after.1.metadata.resource_version == before.1.metadata.resource_version,
        "the ExternalArtifact was written"
    );
    Ok(())
}

#[tokio::test]
async fn while_bytes_are_missing_consumers_are_told_to_come_back() -> Result<()> {
    let mut test = Restartable::start("missing", &["config"]).await?;
    let before = test.sources.advertised("config").await?;
    test.controller.process.kill().await?;
    test.origin.on(&path("config"), Reply::hang());
    test.start_again(Options::default().with("HTTP_TIMEOUT", "1s")).await?;
    test.origin.wait_for_requests(&path("config"), 2, SOON).await?;
    ensure_try_again(&before.url).await?;
    // Also once a run has failed.
    test.sources.wait_failed("config", "FetchFailed").await?;
    ensure_try_again(&before.url).await?;
    ensure!(test.sources.advertised("config").await? == before, "the advertisement changed");
    let unknown = before.url.replace("/config/", "/unknown/");
    ensure_status(&unknown, 404).await?;

    test.origin.on(&path("config"), Reply::ok(content("config")).etag("\"v1\""));
    test.sources.wait_ready("config").await?;
    test.ensure_content("config").await?;
    ensure!(test.sources.advertised("config").await? == before, "the advertisement changed");
    Ok(())
}

/// Takes a minute of real time, in which nothing is done but waiting.
#[tokio::test]
async fn an_advertisement_whose_bytes_cannot_be_rebuilt_is_withdrawn_after_a_minute_and_comes_back() -> Result<()> {
    let mut test = Restartable::start("withdrawn", &["config"]).await?;
    let before = test.sources.advertised("config").await?;
    test.controller.process.kill().await?;
    test.origin.on(&path("config"), Reply::status(500));
    let started = Instant::now();
    test.start_again(Options::default().with("RETRY_MAX_ATTEMPTS", "1")).await?;
    test.sources.wait_failed("config", "FetchFailed").await?;
    ensure!(test.sources.advertised("config").await? == before, "the advertisement changed");
    ensure_try_again(&before.url).await?;

    let is_withdrawn = |object: &Value| !object.is_null() && object["status"]["artifact"].is_null();
    let within = WITHDRAWN_AFTER + SOON;
    let object = wait_for_condition(&test.sources.artifacts, "config", "be withdrawn", within, is_withdrawn).await?;
    ensure!(started.elapsed() >= WITHDRAWN_AFTER, "withdrawn after {:?}", started.elapsed());
    ensure!(wait::condition_is("Ready", "False")(&object), "{}", object["status"]);
    eventually("its URL to be forgotten", SOON, async || ensure_status(&before.url, 404).await).await?;

    test.origin.on(&path("config"), Reply::ok(content("config")).etag("\"v1\""));
    test.sources.request("config", "mended").await?;
    test.sources.wait_handled("config", "mended").await?;
    test.sources.wait_ready("config").await?;
    test.ensure_content("config").await?;
    let after = test.sources.advertised("config").await?;
    ensure!((after.revision, after.digest) == (before.revision, before.digest), "another revision");
    Ok(())
}

#[tokio::test]
async fn an_object_deleted_while_the_controller_was_down_leaves_nothing_behind() -> Result<()> {
    let mut test = Restartable::start("deleted", &["gone", "kept"]).await?;
    let url = test.sources.advertised("gone").await?.url;
    test.controller.process.kill().await?;
    let since = test.testbed.audit_log().await?.position().await?;
    test.sources.api.delete("gone", &kube::api::DeleteParams::default()).await?;
    test.start_again(Options::default()).await?;
    ensure_status(&url, 404).await?;
    wait_for_condition(&test.sources.artifacts, "gone", "be gone", SOON, Value::is_null).await?;
    eventually("the archive", SOON, async || test.ensure_content("kept").await).await?;
    test.sources.request("kept", "after").await?;
    test.sources.wait_handled("kept", "after").await?;
    ensure!(test.sources.artifacts.get_opt("gone").await?.is_none(), "it came back");
    ensure!(test.writes(since, Filter::all().name("gone")).await?.is_empty(), "it was written");
    ensure!(test.origin.requests_for(&path("gone")).len() == 1, "it was fetched");
    Ok(())
}

#[tokio::test]
async fn a_successor_of_the_same_name_keeps_its_artifact() -> Result<()> {
    let mut test = Restartable::start("successor", &["config"]).await?;
    let mut uid = String::new();
    // The content is the same, so what is cleaned up for the one has the name of what is stored for the other.
    for _ in 0..5 {
        test.sources.api.delete("config", &kube::api::DeleteParams::default()).await?;
        uid = test.create("config").await?;
        test.until_served("config", &uid).await?;
    }
    ensure_owned(&test, &uid).await?;

    test.controller.process.kill().await?;
    test.sources.api.delete("config", &kube::api::DeleteParams::default()).await?;
    let uid = test.create("config").await?;
    test.start_again(Options::default()).await?;
    test.until_served("config", &uid).await?;
    ensure_owned(&test, &uid).await
}

/// Waits until the ExternalArtifact belongs to this uid alone and is served, also after another run.
async fn ensure_owned(test: &Restartable, uid: &str) -> Result<()> {
    let is_owned = |object: &Value| {
        let owners = object["metadata"]["ownerReferences"].as_array();
        owners.is_some_and(|owners| owners.iter().all(|owner| owner["uid"] == uid))
            && object["status"]["artifact"].is_object()
    };
    wait_for_condition(&test.sources.artifacts, "config", "belong to its new owner", SOON, is_owned).await?;
    test.sources.request("config", uid).await?;
    test.sources.wait_handled("config", uid).await?;
    test.until_served("config", uid).await
}
