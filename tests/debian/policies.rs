//! What the examples' policies mean when the real commands fail.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;

use crate::peer::Kitchen;

fn hook(name: &str, command: &str, args: &[&str], policy: &str) -> Value {
    json!({"name": name, "command": command, "args": args, "retryPolicy": policy})
}

fn spec(url: &str, hooks: &[Value]) -> Value {
    json!({
        "interval": "1h", "maxRetries": 2, "destinationPath": "out.yaml",
        "generator": {"type": "http", "http": {"url": url}}, "hooks": {"postRequest": hooks},
    })
}

#[tokio::test]
async fn ignore_carries_on_with_the_input_and_fail_keeps_what_was_good() -> Result<()> {
    let kitchen = Kitchen::open("policies").await?;
    let (origin, sources) = (&kitchen.scene.origin, &kitchen.scene.sources);
    origin.on("/a", Reply::ok(r#"{"kind":"ConfigMap","count":1}"#));
    let url = origin.url("/a");

    let ignored = hook("shape", "jq", &[".count | fromjson | .nothing"], "ignore");
    sources.apply("ignored", &spec(&url, &[ignored, hook("to-yaml", "yq", &["-P"], "fail")])).await?;
    sources.wait_ready("ignored").await?;
    let files = sources.download("ignored").await?;
    ensure!(files == [("out.yaml".to_owned(), "kind: ConfigMap\ncount: 1\n".to_owned())], "{files:?}");

    sources.apply("failing", &spec(&url, &[hook("shape", "jq", &["."], "fail")])).await?;
    sources.wait_ready("failing").await?;
    let before = sources.download("failing").await?;
    for policy in ["fail", "retry"] {
        sources.apply("failing", &spec(&url, &[hook("shape", "jq", &["error(\"with a value\")"], policy)])).await?;
        let failed = sources.wait_failed("failing", "HookFailed").await?;
        let text = failed["status"].to_string();
        ensure!(text.contains("exit code 5") && text.contains("shape") && !text.contains("with a value"), "{text}");
        ensure!(sources.download("failing").await? == before, "what was good is gone");
    }
    Ok(())
}

#[tokio::test]
async fn a_command_that_is_forbidden_stalls_with_its_hooks_name() -> Result<()> {
    let kitchen = Kitchen::open("forbidden").await?;
    let (origin, sources) = (&kitchen.scene.origin, &kitchen.scene.sources);
    origin.on("/a", Reply::ok(r#"{"n":1}"#));
    for (name, command, args) in
        [("unknown", "python3", ["-c"]), ("denied", "rm", ["-r"]), ("argument", "bash", ["a;b"])]
    {
        sources.apply(name, &spec(&origin.url("/a"), &[hook("sharp-knife", command, &args, "fail")])).await?;
        let stalled = sources.wait_failed(name, "HookNotAllowed").await?;
        let text = stalled["status"].to_string();
        ensure!(text.contains("sharp-knife") && text.contains("Stalled") && !text.contains("a;b"), "{text}");
    }
    Ok(())
}
