//! Conditional requests that are made from hooks: validators belong to one request, and a token is part of it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;

use super::bed::{Bed, script, with};
use crate::harness::{Ledger, config_map};

/// A source whose request is made from what this script writes.
fn made_from(url: &str, text: &str) -> Value {
    let hooks = json!({"preRequest": [script("make", text)]});
    with(url, &json!({"hooks": hooks, "generator": {"http": {"fromPreRequest": true}}}))
}

#[tokio::test]
async fn the_same_token_is_asked_with_conditionally_and_another_one_is_not_and_neither_writes_anything_anew()
-> Result<()> {
    let bed = Bed::start("hooks-conditional").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/map.yaml", Reply::ok(config_map("one")).etag("\"v1\""));
    let url = origin.url("/map.yaml");
    let same = made_from(&url, r#"echo '{"headers":{"X-Token":"always-the-same"}}'"#);
    let fresh = made_from(&url, r#"echo "{\"headers\":{\"X-Token\":\"$(date +%s%N)\"}}""#);
    let mut handled = Vec::new();
    for (name, spec) in [("same", &same), ("fresh", &fresh)] {
        sources.apply(name, spec).await?;
        let ready = sources.wait_ready(name).await?;
        let status = ready["status"].to_string();
        ensure!(ready["status"]["lastHandledRequest"].is_string() && !status.contains("always"), "{status}");
        handled.push((name, ready["status"]["lastHandledRequest"].clone()));
    }
    origin.forget();
    let mut ledger = Ledger::open(&bed.scene.testbed, &bed.scene.controller.user, &sources.namespace).await?;
    for round in 1..=3 {
        for (name, request) in &handled {
            let token = format!("{name}-{round}");
            sources.request(name, &token).await?;
            let source = sources.wait_handled(name, &token).await?;
            ensure!(source["status"]["lastHandledRequest"] == *request, "the fingerprint moved: {source}");
            // On a busy machine a run takes over a second, and then says that it is under way; in the same place.
            let writes = ledger.writes().await?;
            ensure!(
                writes.iter().all(|write| write == "externalsources/status"),
                "only the handled request: {writes:?}"
            );
            ledger.restart().await?;
        }
    }
    let requests = origin.requests();
    let is_conditional = |token: bool| {
        let of = requests.iter().filter(|it| (it.header("x-token") == Some("always-the-same")) == token);
        of.map(|it| it.header("if-none-match").is_some()).collect::<Vec<_>>()
    };
    ensure!(is_conditional(true) == [true; 3], "{requests:?}");
    ensure!(is_conditional(false) == [false; 3], "{requests:?}");
    Ok(())
}
