//! Whatever happens to a hook, what it was given and what it wrote is nobody's business: a canary in header Secrets, in
//! environments, in arguments and in the tokens that hooks make must not come out anywhere.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flux_externalsource::digest::Digest;
use serde_json::{Value, json};
use testbed::wait::condition;
use testbed::{Origin, Reply};

use super::bed::{Bed, WHITELIST, hook, script, with, with_policy};
use crate::harness::{Options, Scene, config_map, wait_events};
use crate::hooks_sidecar::sidecar::Place;
use crate::secrets::write_secret;

const CANARY: &str = "canary-4711-please-never-show";

/// What a hook writes whose token is the canary.
const OUTPUT: &str = r#"{"headers":{"X-Token":"canary-4711-please-never-show"}}"#;

/// The canary as it is, and as base64 would have it at any place.
fn forms() -> Vec<String> {
    let mut forms = vec![CANARY.to_owned(), Digest::of(OUTPUT.as_bytes()).to_string()];
    for before in 0..3 {
        let encoded = STANDARD.encode(format!("{}{CANARY}", "x".repeat(before)));
        forms.push(encoded[4..encoded.len() - 4].to_owned());
    }
    forms
}

/// A shell script that finds the canary in its environment.
fn knowing(text: &str) -> Value {
    let mut hook = script("knowing", text);
    hook["env"] = json!([{"name": "CANARY", "value": CANARY}]);
    hook
}

/// A source whose request is made from what this script writes.
fn made_from(url: &str, text: &str, method: &str) -> Value {
    let http = json!({"fromPreRequest": true, "method": method, "headersSecretRef": {"name": "token"}});
    with(url, &json!({"hooks": {"preRequest": [knowing(text)]}, "generator": {"http": http}}))
}

/// Sources by name, each with the reason that its Ready condition comes to.
type Table = Vec<(&'static str, Value, &'static str)>;

fn requests(origin: &Origin, other: &Origin) -> Table {
    origin.on("/good.yaml", Reply::ok(config_map("one")));
    origin.on("/refused.yaml", Reply::status(401).body(CANARY).header("www-authenticate", CANARY));
    origin.on("/moved.yaml", Reply::redirect(307, &other.url(&format!("/moved.yaml?token={CANARY}"))));
    origin.on("/closed.yaml", Reply::close());
    let (good, token) = (origin.url("/good.yaml"), "printf '{\"headers\":{\"X-Token\":\"%s\"}}' \"$CANARY\"");
    let body = "printf '{\"body\":\"%s\",\"query\":{\"q\":\"%s\"}}' \"$CANARY\" \"$CANARY\"";
    vec![
        ("token-good", made_from(&good, token, "GET"), "Succeeded"),
        ("token-refused", made_from(&origin.url("/refused.yaml"), token, "GET"), "FetchFailed"),
        ("token-moved", made_from(&origin.url("/moved.yaml"), token, "GET"), "FetchFailed"),
        ("body-moved", made_from(&origin.url("/moved.yaml"), body, "POST"), "FetchFailed"),
        ("body-closed", made_from(&origin.url("/closed.yaml"), body, "POST"), "FetchFailed"),
        ("token-raw", made_from(&good, "printf \"$CANARY\"", "GET"), "HookFailed"),
        (
            "token-field",
            made_from(&good, "printf '{\"%s\":\"%s\"}' \"$CANARY $CANARY\" \"$CANARY\"", "GET"),
            "HookFailed",
        ),
        (
            "token-value",
            made_from(&good, "printf '{\"headers\":{\"X-Token\":[[\"%s\"]]}}' \"$CANARY\"", "GET"),
            "HookFailed",
        ),
        (
            "token-lines",
            made_from(&good, "printf '{\"headers\":{\"X-Token\":\"a\\\\n%s\"}}' \"$CANARY\"", "GET"),
            "HookFailed",
        ),
    ]
}

fn commands(origin: &Origin) -> Table {
    let url = origin.url("/good.yaml");
    let after = |hook: Value| with(&url, &json!({"maxRetries": 1, "hooks": {"postRequest": [hook]}}));
    let fails = || knowing("echo \"$CANARY\"; echo \"$CANARY\" >&2; exit 5");
    let mut slow = knowing("echo \"$CANARY\"; echo \"$CANARY\" >&2; sleep 600");
    slow["timeout"] = "300ms".into();
    let mut unknown = hook("unknown", "rm", &[CANARY]);
    unknown["env"] = json!([{"name": "CANARY", "value": CANARY}]);
    let mut variable = knowing("cat");
    variable["env"] = json!([{"name": "LD_PRELOAD", "value": CANARY}]);
    vec![
        ("hook-good", after(knowing("cat; echo \"$CANARY\" >&2")), "Succeeded"),
        ("hook-fails", after(fails()), "HookFailed"),
        ("hook-retries", after(with_policy(fails(), "retry")), "HookFailed"),
        ("hook-ignored", after(with_policy(fails(), "ignore")), "Succeeded"),
        ("hook-slow", after(slow), "HookFailed"),
        ("hook-denied", after(hook("denied", "tr", &["a", CANARY])), "HookNotAllowed"),
        ("hook-unknown", after(unknown), "HookNotAllowed"),
        ("hook-variable", after(variable), "HookNotAllowed"),
        ("hook-killed", after(knowing("echo \"$CANARY\"; kill -9 $$")), "HookFailed"),
    ]
}

fn expressions(origin: &Origin) -> Table {
    let document = json!({"secret": CANARY, "list": [CANARY], CANARY: {CANARY: CANARY}});
    origin.on("/secret.json", Reply::json(&document).header("x-secret", CANARY));
    let url = origin.url("/secret.json");
    let assertion = |cel: &str| with(&url, &json!({"assertions": [{"cel": cel}]}));
    let transform = |more: Value| with(&url, &more);
    let jq = |program: &str| transform(json!({"transform": [{"jq": program}]}));
    vec![
        ("assertion-false", assertion("headers['x-secret'] == 'another'"), "AssertionFailed"),
        ("assertion-broken", assertion("body.secret.missing == 1"), "AssertionFailed"),
        ("assertion-number", assertion("int(body.secret) == 1"), "AssertionFailed"),
        ("jq-number", jq(".secret | tonumber"), "TransformFailed"),
        ("jq-error", jq(".secret | error"), "TransformFailed"),
        ("jq-index", jq(".secret | .[.]"), "TransformFailed"),
        ("jq-add", jq(". + .secret"), "TransformFailed"),
        ("cel-number", transform(json!({"transform": [{"cel": "int(body.secret)"}]})), "TransformFailed"),
        (
            "files",
            transform(json!({"transform": [{"jq": "{(\"../\" + .secret): \"a\"}"}], "outputFiles": true})),
            "TransformFailed",
        ),
    ]
}

/// Everything that is said about a source once it has come to this.
async fn said(scene: &Scene, name: &str, reason: &str) -> Result<String> {
    let is_so = |source: &Value| condition(source, "Ready").is_some_and(|ready| ready["reason"] == reason);
    let source = scene.sources.wait(name, &format!("be Ready or not because of {reason}"), is_so).await?;
    let artifact = serde_json::to_string(&scene.sources.artifacts.get_opt(name).await?)?;
    let told = if reason == "Succeeded" { "NewArtifact" } else { reason };
    let events = wait_events(scene, name, told, 1).await?;
    Ok(format!("{name}: status {}\nartifact {artifact}\nevents {events:?}", source["status"]))
}

#[tokio::test]
async fn nothing_of_a_hook_appears_in_statuses_events_logs_or_metrics() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("LOG_LEVEL", "trace");
    let bed = Bed::start_with("hooks-canary", place, Options::default().with("LOG_LEVEL", "trace")).await?;
    let (scene, other) = (&bed.scene, Origin::start().await?);
    write_secret(scene, &scene.sources.namespace, "token", &[("X-From-Secret", CANARY)]).await?;
    let origin = &scene.origin;
    let table = [requests(origin, &other), commands(origin), expressions(origin)].concat();
    for (name, spec, _) in &table {
        scene.sources.apply(name, spec).await?;
    }
    let mut shown = Vec::new();
    for (name, _, reason) in &table {
        shown.push(said(scene, name, reason).await?);
    }
    let readiness = reqwest::get(format!("http://127.0.0.1:{}/readyz", scene.controller.health)).await?.text().await?;
    shown.extend([scene.controller.scrape().await?, readiness]);

    bed.sidecar.process.kill().await?;
    scene.sources.request("hook-good", "while-away").await?;
    shown.push(said(scene, "hook-good", "HooksUnavailable").await?);

    let logs = [scene.controller.process.log()?, bed.sidecar.process.log()?];
    ensure!(logs.iter().all(|log| log.contains("\"level\":\"trace\"")), "the logs hold all that there is to log");
    shown.extend(logs);
    let sent = |path: &str| origin.requests_for(path);
    ensure!(sent("/good.yaml").iter().any(|it| it.header("x-token") == Some(CANARY)), "the token was never sent");
    ensure!(sent("/good.yaml").iter().any(|it| it.header("x-from-secret") == Some(CANARY)), "nor the Secret");
    ensure!(sent("/closed.yaml").iter().any(|it| it.body == CANARY && it.query.contains(CANARY)), "nor the body");
    let elsewhere = other.requests();
    let leaks =
        |it: &&testbed::origin::Recorded| it.header("x-token").is_some() || it.header("x-from-secret").is_some();
    ensure!(!elsewhere.is_empty() && !elsewhere.iter().any(|it| leaks(&it)), "{elsewhere:?}");
    for text in shown {
        for form in forms() {
            let line = text.lines().find(|line| line.contains(&form));
            ensure!(line.is_none(), "{form}: {line:?}");
        }
    }
    Ok(())
}
