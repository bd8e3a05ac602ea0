//! What hooks before and after the request do to it and to its answer, and the worked example.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::wait::condition;
use testbed::{Origin, Reply, eventually};

use super::bed::{Bed, hook, script, with};
use crate::harness::{Options, SOON, run};
use crate::hooks_sidecar::sidecar::Place;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/token-then-call");

#[tokio::test]
async fn hooks_are_piped_around_the_request_in_their_order() -> Result<()> {
    let bed = Bed::start("hooks-around").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on_request("/data", |request| Reply::ok(request.body.clone()));
    let hooks = json!({
        "preRequest": [script("say", "cat; printf abc"), hook("upper", "tr", &["a", "x"])],
        "postRequest": [hook("again", "tr", &["b", "y"]), script("more", "cat; printf '! %s' \"$NAME\"")],
    });
    let mut more = json!({"hooks": hooks, "generator": {"http": {"method": "POST"}}, "destinationPath": "out.txt"});
    more["hooks"]["postRequest"][1]["env"] = json!([{"name": "NAME", "value": "of its own"}]);
    sources.apply("config", &with(&origin.url("/data"), &more)).await?;
    sources.wait_ready("config").await?;
    ensure!(origin.requests()[0].body == "xbc", "{:?}", origin.requests());
    ensure!(sources.download("config").await? == [("out.txt".to_owned(), "xyc! of its own".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn a_long_hook_shows_as_executing_hooks() -> Result<()> {
    let bed = Bed::start("hooks-progress").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/data", Reply::ok("a"));
    // It ends when its process is killed, which the next spec does.
    let long = json!({"hooks": {"postRequest": [script("long", "sleep 600")]}});
    sources.apply("config", &with(&origin.url("/data"), &long)).await?;
    sources.wait("config", "execute hooks", |source| condition(source, "ExecutingHooks").is_some()).await?;
    let short = json!({"hooks": {"postRequest": [script("short", "cat")]}});
    sources.apply("config", &with(&origin.url("/data"), &short)).await?;
    let ready = sources.wait_ready("config").await?;
    ensure!(condition(&ready, "ExecutingHooks").is_none(), "{ready}");
    eventually("the first hook is gone", SOON, async || {
        let metrics = bed.scene.controller.scrape().await?;
        ensure!(metrics.contains("externalsource_hook_executor_running 0"), "{metrics}");
        Ok(())
    })
    .await
}

/// The example with its addresses replaced.
fn example(file: &str, origin: &Origin) -> Result<String> {
    let text = fs::read_to_string(Path::new(EXAMPLE).join(file))?;
    ensure!(text.contains("8089"), "{file} names no origin");
    let port = origin.address().port().to_string();
    Ok(text.replace("8089", &port))
}

#[tokio::test]
async fn a_token_is_fetched_first_and_the_api_is_called_with_it() -> Result<()> {
    let origin = Origin::start().await?;
    let place = Place::new(&example("whitelist.yaml", &origin)?)?.with("ADDRESS_ALLOW", "127.0.0.0/8");
    let bed = Bed::start_with("token-then-call", place, Options::default()).await?;
    let sources = &bed.scene.sources;
    let served = |file: &str| fs::read(Path::new(EXAMPLE).join("origin").join(file));
    origin.on("/token.json", Reply::ok(served("token.json")?));
    let settings = served("settings.json")?;
    origin.on_request("/settings.json", move |request| {
        let is_allowed = request.header("authorization") == Some("Bearer example-token");
        if is_allowed { Reply::ok(settings.clone()).etag("\"v1\"") } else { Reply::status(401) }
    });
    let manifest: Value = serde_saphyr::from_str(&example("manifests/settings.yaml", &origin)?)?;
    sources.apply("settings", &manifest["spec"]).await?;
    sources.wait_ready("settings").await?;
    let files = sources.download("settings").await?;
    let [(name, content)] = files.as_slice() else { anyhow::bail!("{files:?}") };
    let map: Value = serde_saphyr::from_str(content)?;
    ensure!(name == "settings.yaml", "Flux reads no other");
    let data = json!({"logLevel": "info", "maxConnections": "100", "betaFeatures": "false"});
    ensure!(map["kind"] == "ConfigMap" && map["data"] == data, "{content}");
    ensure!(origin.requests_for("/settings.json")[0].query == "environment=production");

    // The same token again: the origin is asked whether something changed.
    sources.request("settings", "again").await?;
    sources.wait_handled("settings", "again").await?;
    let requests = origin.requests_for("/settings.json");
    ensure!(requests.len() == 2 && requests[1].header("if-none-match") == Some("\"v1\""), "{requests:?}");
    ensure!(origin.requests_for("/token.json").len() == 2);
    Ok(())
}

#[tokio::test]
async fn the_example_runs_without_a_cluster() -> Result<()> {
    let port = testbed::free_port()?;
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("manifests"))?;
    for file in ["whitelist.yaml", "manifests/settings.yaml"] {
        let text = fs::read_to_string(Path::new(EXAMPLE).join(file))?;
        fs::write(folder.path().join(file), text.replace("8089", &port.to_string()))?;
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (manifests, whitelist) = (path("manifests"), path("whitelist.yaml"));
    let (origin, address) = (format!("{EXAMPLE}/origin"), format!("127.0.0.1:{port}"));
    let local = ["local", &manifests, "--origin", &origin, "--origin-addr", &address];
    let more = ["--addr", "127.0.0.1:0", "--once", "--hook-whitelist-path", &whitelist];
    let ran = run(local.iter().chain(&more)).await?;
    ran.expect(0, &[])?;
    ensure!(ran.stdout.contains("default/settings ready latest@sha256:"), "{ran:?}");

    let ran = run(local.iter().chain(&more[..3])).await?;
    ran.expect(1, &[])?;
    let absent = ["--hook-whitelist-path", "/nowhere/whitelist.yaml"];
    let ran_without = run(local.iter().chain(&more[..3]).chain(&absent)).await?;
    ran_without.expect(1, &["HOOK_WHITELIST_PATH: /nowhere/whitelist.yaml cannot be read"])?;
    let why = "hook \"fetch-token\" (spec.hooks.preRequest[0]): no command is allowed without a whitelist";
    ensure!(ran.stdout.contains(why) && ran.stdout.contains("--hook-whitelist-path"), "{ran:?}");
    Ok(())
}
