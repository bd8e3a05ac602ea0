//! Secrets: looked for until they are there, read anew on every run, and never shown.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams};
use serde_json::{Value, json};
use testbed::origin::Certificate;
use testbed::wait::condition;
use testbed::{Origin, Reply};

use crate::harness::{Ledger, Options, Scene, config_map, http_source, wait_events};

const PATH: &str = "/map.yaml";

/// Creates or changes a Secret.
pub async fn write_secret(scene: &Scene, namespace: &str, name: &str, data: &[(&str, &str)]) -> Result<()> {
    let api: Api<Secret> = Api::namespaced(scene.testbed.client().await?, namespace);
    let data: BTreeMap<_, _> =
        data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))).collect();
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let secret = Secret { metadata, data: Some(data), ..Secret::default() };
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&secret)).await?;
    Ok(())
}

/// The spec of a source with these references.
fn with(url: &str, references: &Value) -> Value {
    let mut spec = http_source(url);
    for (field, reference) in references.as_object().into_iter().flatten() {
        spec["generator"]["http"][field] = reference.clone();
    }
    spec
}

fn message(source: &Value) -> &str {
    condition(source, "Ready").and_then(|ready| ready["message"].as_str()).unwrap_or_default()
}

#[tokio::test]
async fn a_missing_secret_is_named_and_found_soon_after_it_appears() -> Result<()> {
    let scene = Scene::start("secret-missing").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on(PATH, Reply::ok(config_map("one")));
    let spec = with(&origin.url(PATH), &json!({"headersSecretRef": {"name": "token"}}));
    sources.apply("config", &spec).await?;
    let failed = sources.wait_failed("config", "SecretUnavailable").await?;
    let expected = format!("Secret \"token\" does not exist in namespace \"{}\"", sources.namespace);
    ensure!(message(&failed) == expected, "{}", message(&failed));
    let reconciling = condition(&failed, "Reconciling").context("not Reconciling")?;
    ensure!(reconciling["reason"] == "ProgressingWithRetry" && condition(&failed, "Stalled").is_none(), "{failed}");
    ensure!(origin.requests().is_empty(), "a request without its headers");

    // The interval is an hour: only the backoff can find it.
    write_secret(&scene, &sources.namespace, "token", &[("X-Token", "one")]).await?;
    sources.wait_ready("config").await?;
    ensure!(origin.requests()[0].header("x-token") == Some("one"));
    Ok(())
}

#[tokio::test]
async fn a_missing_key_is_named_and_a_ca_bundle_makes_an_origin_trusted() -> Result<()> {
    let scene = Scene::start("secret-ca").await?;
    let sources = &scene.sources;
    let origin = Origin::start_tls(Certificate::default()).await?;
    origin.on(PATH, Reply::ok(config_map("one")));
    let authority = origin.ca_pem().context("an origin without TLS")?;
    write_secret(&scene, &sources.namespace, "authority", &[("bundle.pem", authority)]).await?;
    let spec = with(&origin.url(PATH), &json!({"caBundleSecretRef": {"name": "authority"}}));
    sources.apply("default-key", &spec).await?;
    let spec = with(&origin.url(PATH), &json!({"caBundleSecretRef": {"name": "authority", "key": "bundle.pem"}}));
    sources.apply("other-key", &spec).await?;

    sources.wait_ready("other-key").await?;
    ensure!(sources.download("other-key").await?[0].1 == config_map("one"));
    let failed = sources.wait_failed("default-key", "SecretUnavailable").await?;
    ensure!(message(&failed) == "key \"ca.crt\" of Secret \"authority\" is missing", "{}", message(&failed));
    write_secret(&scene, &sources.namespace, "authority", &[("ca.crt", authority)]).await?;
    sources.wait_ready("default-key").await?;
    Ok(())
}

#[tokio::test]
async fn a_rotated_secret_is_used_by_the_next_run_which_is_not_conditional() -> Result<()> {
    let scene = Scene::start("secret-rotated").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on(PATH, Reply::ok(config_map("one")).etag("\"v1\""));
    write_secret(&scene, &sources.namespace, "token", &[("Authorization", "Bearer one")]).await?;
    let spec = with(&origin.url(PATH), &json!({"headersSecretRef": {"name": "token"}}));
    sources.apply("config", &spec).await?;
    sources.wait_ready("config").await?;
    sources.request("config", "same").await?;
    sources.wait_handled("config", "same").await?;

    // Another identity may see other data under the same ETag.
    origin.on(PATH, Reply::ok(config_map("two")).etag("\"v1\""));
    write_secret(&scene, &sources.namespace, "token", &[("Authorization", "Bearer two")]).await?;
    sources.request("config", "rotated").await?;
    sources.wait_handled("config", "rotated").await?;
    ensure!(sources.download("config").await?[0].1 == config_map("two"));
    sources.request("config", "afterwards").await?;
    sources.wait_handled("config", "afterwards").await?;

    let requests = origin.requests();
    let seen: Vec<_> =
        requests.iter().map(|it| (it.header("authorization"), it.header("if-none-match").is_some())).collect();
    let (one, two) = (Some("Bearer one"), Some("Bearer two"));
    ensure!(seen == [(one, false), (one, true), (two, false), (two, true)], "{seen:?}");
    Ok(())
}

/// The value that must not appear anywhere, and how a Secret's manifest has it.
const CANARY: &str = "canary-4711-please-never-show";
const CANARY_IN_BASE64: &str = "Y2FuYXJ5LTQ3MTEtcGxlYXNlLW5ldmVyLXNob3";

/// Makes sources whose origins do all sorts of things with the canary: accept it, refuse and repeat it, send it to
/// `other`. Gives their names with the reason of Ready.
async fn spread(scene: &Scene, other: &Origin) -> Result<Vec<(&'static str, &'static str)>> {
    let (sources, origin) = (&scene.sources, &scene.origin);
    origin.on("/good.yaml", Reply::ok(config_map("one")));
    origin.on("/refused.yaml", Reply::status(401).body(CANARY).header("www-authenticate", CANARY));
    origin.on("/moved.yaml", Reply::redirect(302, &other.url(&format!("/moved.yaml?token={CANARY}"))));
    write_secret(scene, &sources.namespace, "token", &[("X-Token", CANARY)]).await?;
    write_secret(scene, &sources.namespace, "odd", &[("X-Token", &format!("{CANARY}\n{CANARY}"))]).await?;
    let header = |path: &str, secret: &str| with(&origin.url(path), &json!({"headersSecretRef": {"name": secret}}));
    // What belongs to the URL, userinfo and query, is as secret.
    let in_url = |path: &str| http_source(&format!("http://user:{CANARY}@{}{path}?token={CANARY}", origin.address()));
    let table = [
        ("good", header("/good.yaml", "token"), "Succeeded"),
        ("refused", header("/refused.yaml", "token"), "FetchFailed"),
        ("moved", header("/moved.yaml", "token"), "FetchFailed"),
        ("odd", header("/good.yaml", "odd"), "SecretUnavailable"),
        ("url-good", in_url("/good.yaml"), "Succeeded"),
        ("url-refused", in_url("/refused.yaml"), "FetchFailed"),
    ];
    for (name, spec, _) in &table {
        sources.apply(name, spec).await?;
    }
    Ok(table.into_iter().map(|(name, _, reason)| (name, reason)).collect())
}

#[tokio::test]
async fn a_secret_never_appears_in_statuses_events_logs_or_metrics() -> Result<()> {
    let scene = Scene::start_with("secret-canary", Options::default().with("LOG_LEVEL", "trace")).await?;
    let (sources, other) = (&scene.sources, Origin::start().await?);
    let mut shown = Vec::new();
    for (name, reason) in spread(&scene, &other).await? {
        let is_so = |source: &Value| condition(source, "Ready").is_some_and(|ready| ready["reason"] == reason);
        let source = sources.wait(name, &format!("be Ready or not because of {reason}"), is_so).await?;
        shown.push(("status", source["status"].to_string()));
        shown.push(("artifact", serde_json::to_string(&sources.artifacts.get_opt(name).await?)?));
        let told = if reason == "Succeeded" { "NewArtifact" } else { reason };
        shown.push(("events", format!("{:?}", wait_events(&scene, name, told, 1).await?)));
    }
    shown.push(("metrics", scene.controller.scrape().await?));
    let log = scene.controller.process.log()?;
    ensure!(log.contains("\"level\":\"trace\""), "the log holds everything that there is to log");
    shown.push(("log", log));

    let accepted = scene.origin.requests_for("/good.yaml");
    ensure!(accepted.iter().any(|request| request.header("x-token") == Some(CANARY)), "it was never sent");
    ensure!(!other.requests().is_empty() && other.requests().iter().all(|it| it.header("x-token").is_none()));
    for (what, text) in shown {
        let line = text.lines().find(|line| line.contains(CANARY) || line.contains(CANARY_IN_BASE64));
        ensure!(line.is_none(), "{what}: {line:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_of_another_namespace_cannot_be_named() -> Result<()> {
    let scene = Scene::start("secret-foreign").await?;
    let (sources, origin) = (&scene.sources, &scene.origin);
    let foreign = scene.testbed.namespace("secret-owner").await?;
    write_secret(&scene, &foreign, "token", &[("X-Token", "theirs")]).await?;
    let ledger = Ledger::open(&scene.testbed, &scene.controller.user, &foreign).await?;
    let spec = |name: &str| with(&origin.url(PATH), &json!({"headersSecretRef": {"name": name}}));
    for name in [format!("{foreign}/token"), format!("../{foreign}/secrets/token"), "token?x".to_owned()] {
        let refusal = sources.apply("config", &spec(&name)).await.err().context("it was admitted")?;
        ensure!(format!("{refusal:#}").contains("headersSecretRef.name"), "{refusal:#}");
    }

    // A field that the definition does not have is dropped: the name is looked for at home.
    let mut object = json!({
        "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "metadata": {"name": "config"}, "spec": spec("token"),
    });
    object["spec"]["generator"]["http"]["headersSecretRef"]["namespace"] = foreign.as_str().into();
    let path = format!("/apis/source.flux.oddkin.co/v1alpha1/namespaces/{}/externalsources", sources.namespace);
    let request =
        http::Request::post(path).header("content-type", "application/json").body(serde_json::to_vec(&object)?)?;
    scene.testbed.client().await?.request::<Value>(request).await?;
    let failed = sources.wait_failed("config", "SecretUnavailable").await?;
    ensure!(message(&failed).contains(&sources.namespace), "{}", message(&failed));
    ensure!(origin.requests().is_empty());
    ensure!(ledger.requests("secrets").await?.is_empty(), "it was looked for where it is");
    Ok(())
}
