//! What the API server makes of manifests (tests/fixtures/manifests), and the controller of those that it admits.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use kube::client::Body;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;
use testbed::{Origin, Reply, wait};

use crate::harness::{Controller, Options, Sources, http_source, testbed};

/// A manifest of the fixtures.
#[derive(Clone)]
struct Manifest {
    file: String,
    text: String,
}

impl Manifest {
    /// What its first line says after this word.
    fn expected(&self, word: &str) -> Result<&str> {
        let line = self.text.lines().next().unwrap_or_default();
        line.strip_prefix(&format!("# {word}: ")).with_context(|| format!("{}: the first line is {line:?}", self.file))
    }
}

fn manifests(folder: &str, at_least: usize) -> Result<Vec<Manifest>> {
    let path = format!("{}/tests/fixtures/manifests/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut manifests = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let file = entry.file_name().into_string().ok().context("a file name that is no text")?;
        manifests.push(Manifest { file, text: fs::read_to_string(entry.path())? });
    }
    ensure!(manifests.len() >= at_least, "only {} manifests in {folder}", manifests.len());
    Ok(manifests)
}

/// What the API server says about creating an object.
struct Answer {
    admitted: bool,
    warnings: String,
    body: Value,
}

/// As `kubectl create --dry-run=server --validate=<validation>` does, with the text of the file.
async fn dry_run(client: &Client, namespace: &str, validation: &str, manifest: &Manifest) -> Result<Answer> {
    let uri = format!(
        "/apis/source.flux.oddkin.co/v1alpha1/namespaces/{namespace}/externalsources\
         ?dryRun=All&fieldValidation={validation}"
    );
    let request = http::Request::post(uri).header("content-type", "application/yaml");
    let answer = client.send(request.body(Body::from(manifest.text.clone().into_bytes()))?).await?;
    let warnings = format!("{:?}", answer.headers().get_all("warning").iter().collect::<Vec<_>>());
    let admitted = answer.status().is_success();
    let body = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
    Ok(Answer { admitted, warnings, body })
}

#[tokio::test]
async fn the_api_server_admits_and_refuses_what_it_should() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("schema").await?;
    let client = testbed.client().await?;
    let mut wrong = Vec::new();
    for manifest in manifests("accepted", 25)? {
        let answer = dry_run(&client, &namespace, "Strict", &manifest).await?;
        if !answer.admitted {
            wrong.push(format!("accepted/{}: {}", manifest.file, answer.body["message"]));
        }
    }
    for manifest in manifests("rejected", 50)? {
        let expected = manifest.expected("rejected")?;
        let answer = dry_run(&client, &namespace, "Strict", &manifest).await?;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        if answer.admitted || !message.contains(expected) {
            wrong.push(format!("rejected/{}: {message:?} does not hold {expected:?}", manifest.file));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The ExternalSources among the YAML documents of a text, each as JSON, which is YAML too.
fn sources_of(file: &str, text: &str) -> Result<Vec<Manifest>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).with_context(|| file.to_owned())?;
    let mut sources = Vec::new();
    for mut document in documents.into_iter().filter(|document| document["kind"] == "ExternalSource") {
        // The request names another one.
        document["metadata"].as_object_mut().context("no metadata")?.remove("namespace");
        sources.push(Manifest { file: file.to_owned(), text: document.to_string() });
    }
    Ok(sources)
}

#[tokio::test]
async fn examples_samples_and_documentation_are_admitted() -> Result<()> {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut manifests = Vec::new();
    for file in ["docs/api.md", "docs/hooks.md"] {
        let documentation = fs::read_to_string(format!("{root}/{file}"))?;
        for block in documentation.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()) {
            manifests.extend(sources_of(file, block)?);
        }
    }
    for folder in ["examples/quickstart/manifests", "examples/token-then-call/manifests", "deploy/samples"] {
        for entry in fs::read_dir(format!("{root}/{folder}"))? {
            let path = entry?.path();
            manifests.extend(sources_of(&path.display().to_string(), &fs::read_to_string(&path)?)?);
        }
    }
    ensure!(manifests.len() >= 12, "only {} were found", manifests.len());
    let testbed = testbed().await?;
    let namespace = testbed.namespace("examples").await?;
    let client = testbed.client().await?;
    for manifest in manifests {
        let answer = dry_run(&client, &namespace, "Strict", &manifest).await?;
        ensure!(answer.admitted, "{}: {}", manifest.file, answer.body["message"]);
    }
    Ok(())
}

#[tokio::test]
async fn unknown_fields_are_dropped_with_a_warning_and_refused_only_by_strict_clients() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("pruned").await?;
    let client = testbed.client().await?;
    for manifest in manifests("pruned", 2)? {
        let field = manifest.expected("pruned")?;
        let unknown = format!("unknown field \\\"{field}");
        let answer = dry_run(&client, &namespace, "Warn", &manifest).await?;
        ensure!(answer.admitted, "{}: {}", manifest.file, answer.body);
        ensure!(answer.warnings.contains("unknown field"), "{}: {}", manifest.file, answer.warnings);
        let pointer = format!("/{}", field.replace('.', "/"));
        ensure!(answer.body.pointer(&pointer).is_none(), "{}: {field} is still there", manifest.file);
        let answer = dry_run(&client, &namespace, "Strict", &manifest).await?;
        let message = answer.body["message"].to_string();
        ensure!(!answer.admitted && message.contains(&unknown), "{}: {message}", manifest.file);
    }
    Ok(())
}

#[tokio::test]
async fn whatever_is_admitted_ends_in_a_condition_and_holds_up_nobody() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("admitted").await?;
    // Nothing leaves this machine: all but the origin and the API server go to a proxy that is not there.
    let options = Options::default().with("HTTP_PROXY", "http://127.0.0.1:1");
    let options = options.with("HTTPS_PROXY", "http://127.0.0.1:1").with("NO_PROXY", "127.0.0.1");
    let controller = Controller::start_with(&testbed, &namespace, options).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("source.flux.oddkin.co", "v1alpha1", "ExternalSource"));
    let api: Api<DynamicObject> = Api::namespaced_with(testbed.client().await?, &namespace, &kind);
    let mut names = Vec::new();
    for manifest in [manifests("accepted", 25)?, manifests("pruned", 2)?].concat() {
        let mut object: DynamicObject = serde_saphyr::from_str(&manifest.text)?;
        let name = manifest.file.trim_end_matches(".yaml").to_owned();
        object.metadata.name = Some(name.clone());
        let created = api.create(&PostParams::default(), &object).await;
        let created = created.with_context(|| format!("{} was not accepted", manifest.file))?;
        if created.data.pointer("/spec/suspend") != Some(&Value::Bool(true)) {
            names.push(name);
        }
    }
    ensure!(names.len() > 25, "most are suspended");

    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"));
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("zz-good", &http_source(&origin.url("/map.yaml"))).await?;
    sources.wait_ready("zz-good").await?;
    for name in names {
        let object = sources.wait(&name, "end its first run", |source| {
            wait::condition(source, "Ready").is_some_and(|ready| ready["status"] == "False")
                && source["status"]["observedGeneration"] == source["metadata"]["generation"]
        });
        let object = object.await?;
        let ready = wait::condition(&object, "Ready").context("no Ready")?;
        ensure!(ready["reason"] != "InvalidObject", "{name} cannot be read: {}", ready["message"]);
    }
    ensure!(controller.process.exit_status()?.is_none(), "{}", controller.process.log_tail());
    ensure!(!controller.process.log()?.contains("crashed"), "{}", controller.process.log()?);
    Ok(())
}
