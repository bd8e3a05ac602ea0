//! Objects that an older, more permissive definition let in, and that nobody can make sense of.

use anyhow::{Result, ensure};
use kube::Client;
use serde_json::{Value, json};
use testbed::wait::condition;
use testbed::{Origin, Reply, Testbed, eventually};

use crate::harness::{Controller, DEFINITION, Ledger, SOON, Sources, config_map, http_source, install, manifest};

/// The definition of our kind that admits anything.
fn permissive() -> Result<String> {
    let strict = manifest(DEFINITION)?;
    let (head, rest) = strict.split_once("    schema:\n").ok_or_else(|| anyhow::anyhow!("no schema"))?;
    let (_, tail) = rest.split_once("    served: true\n").ok_or_else(|| anyhow::anyhow!("nothing is served"))?;
    let schema = "      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}\n";
    Ok(format!("{head}    schema:\n{schema}    served: true\n{tail}"))
}

/// Creates an object as it is, whatever our own types say.
async fn create(client: &Client, namespace: &str, name: &str, content: &Value) -> Result<()> {
    let mut object = json!({"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "metadata": {"name": name, "namespace": namespace}});
    for (field, value) in content.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    let path = format!("/apis/source.flux.oddkin.co/v1alpha1/namespaces/{namespace}/externalsources");
    let request = http::Request::post(path).header("content-type", "application/json");
    client.request::<Value>(request.body(serde_json::to_vec(&object)?)?).await?;
    Ok(())
}

/// Reads an object as it is.
async fn read(client: &Client, namespace: &str, name: &str) -> Result<Value> {
    let path = format!("/apis/source.flux.oddkin.co/v1alpha1/namespaces/{namespace}/externalsources/{name}");
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

/// Objects that only an edit can mend.
fn unusable(good: &Value) -> Vec<(&'static str, Value)> {
    let with = |field: &str, value: Value| {
        let mut spec = good.clone();
        spec[field] = value;
        json!({"spec": spec})
    };
    vec![
        ("empty", json!({})),
        ("text", json!({"spec": "text"})),
        ("interval", with("interval", json!(5))),
        ("long", with("interval", json!("99999999999999999999h"))),
        ("hooks", with("hooks", json!({"preRequest": "none"}))),
        ("path", with("destinationPath", json!("../../etc"))),
        ("kind", with("generator", json!({"type": "ftp"}))),
    ]
}

async fn wait_stalled(client: &Client, namespace: &str, name: &str) -> Result<()> {
    eventually(&format!("{name} to be Stalled"), SOON, async || {
        let source = read(client, namespace, name).await?;
        let reason = |kind| condition(&source, kind).map(|it| (it["status"].clone(), it["reason"].clone()));
        let (ready, stalled) = (reason("Ready").unwrap_or_default(), reason("Stalled").unwrap_or_default());
        ensure!(stalled.0 == "True" && ready.0 == "False", "{source}");
        ensure!(ready.1 == stalled.1 && (ready.1 == "InvalidObject" || ready.1 == "InvalidSpec"), "{source}");
        ensure!(source["status"]["observedGeneration"] == source["metadata"]["generation"], "{source}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn objects_that_nobody_can_read_are_stalled_and_stop_no_others() -> Result<()> {
    let testbed = Testbed::start().await?;
    testbed.apply_yaml("default", &permissive()?).await?;
    let (client, namespace) = (testbed.client().await?, testbed.namespace("odd").await?);
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok(config_map("one")));
    let good = http_source(&origin.url("/map.yaml"));
    for (name, content) in unusable(&good) {
        create(&client, &namespace, name, &content).await?;
    }
    // The API server lets nobody write into this one: the definition's rules cannot even be asked about it.
    let unwritable = json!({"spec": {"interval": "1h", "generator": ["http"]}});
    create(&client, &namespace, "generator", &unwritable).await?;
    let status = json!({"conditions": "none", "artifact": 7, "observedGeneration": "x"});
    create(&client, &namespace, "status", &json!({"spec": good, "status": status})).await?;
    install(&testbed).await?;

    let controller = Controller::start(&testbed, &namespace).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("good", &good).await?;
    // One whose status alone was odd is as well as any.
    for name in ["good", "status"] {
        sources.wait_ready(name).await?;
        sources.download(name).await?;
        sources.request(name, "first").await?;
        sources.wait_handled(name, "first").await?;
    }
    for (name, _) in unusable(&good) {
        wait_stalled(&client, &namespace, name).await?;
    }
    let line = format!("\"namespace\":\"{namespace}\",\"name\":\"generator\",\"error\":");
    controller.process.until_logged(&line, SOON).await?;

    // All that was written once, and the good ones go on.
    let ledger = Ledger::open(&testbed, &controller.user, &namespace).await?;
    for name in ["good", "status"] {
        sources.request(name, "second").await?;
        sources.wait_handled(name, "second").await?;
    }
    // Attempts on the one that takes no status go on beside that, and fail.
    let mut written = ledger.writes().await?;
    written.retain(|write| !write.ends_with(char::is_numeric));
    ensure!(written == ["externalsources/status"; 2], "{written:?}");
    Ok(())
}
