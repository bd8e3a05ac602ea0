//! The HTTP servers of the running binary: artifacts, health, metrics.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use testbed::{Origin, Reply, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Controller, SOON, Sources, http_source, testbed};

/// A controller with one source that is Ready.
struct Served {
    controller: Controller,
    sources: Sources,
    /// What the ExternalArtifact advertises.
    url: String,
    /// What is behind it.
    bytes: Vec<u8>,
    _origin: Origin,
}

impl Served {
    async fn new(prefix: &str) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let origin = Origin::start().await?;
        origin.on("/map.yaml", Reply::ok("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"));
        let controller = Controller::start(&testbed, &namespace).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        sources.apply("app", &http_source(&origin.url("/map.yaml"))).await?;
        sources.wait_ready("app").await?;
        let artifact = sources.artifacts.get("app").await?.status.and_then(|status| status.artifact);
        let url = artifact.context("nothing is advertised")?.url;
        let bytes = reqwest::get(&url).await?.error_for_status()?.bytes().await?.to_vec();
        Ok(Self { controller, sources, url, bytes, _origin: origin })
    }

    /// The path of the URL.
    fn path(&self) -> Result<&str> {
        self.url.find("/artifacts/").map(|at| &self.url[at..]).context("the URL has no such path")
    }

    /// Sends this request line as it stands, and gives the answer's status line, head and body.
    async fn raw(&self, target: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.controller.artifacts)).await?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.context("the answer did not end")??;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[tokio::test]
async fn an_artifact_is_served_whole_in_parts_and_not_again() -> Result<()> {
    let served = Served::new("served").await?;
    let (client, bytes) = (Client::new(), &served.bytes);
    let head = client.head(&served.url).send().await?;
    let header = |name: &str| head.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(head.status() == 200 && header("content-type") == "application/gzip", "{head:?}");
    ensure!(header("content-length") == bytes.len().to_string() && header("accept-ranges") == "bytes", "{head:?}");
    ensure!(header("cache-control").contains("immutable") && header("last-modified").ends_with("GMT"), "{head:?}");
    ensure!(header("content-disposition").starts_with("attachment"), "{head:?}");
    let etag = header("etag").to_owned();
    let hex = testbed::archive::digest(bytes).replace("sha256:", "");
    ensure!(etag.starts_with('"') && etag.contains(&hex), "{etag}");

    let again = client.get(&served.url).header("If-None-Match", &etag).send().await?;
    ensure!(again.status() == StatusCode::NOT_MODIFIED && again.bytes().await?.is_empty());
    let part = client.get(&served.url).header("Range", "bytes=2-5").send().await?;
    ensure!(part.status() == StatusCode::PARTIAL_CONTENT, "{part:?}");
    ensure!(part.headers()["content-range"] == format!("bytes 2-5/{}", bytes.len()).as_str(), "{part:?}");
    ensure!(part.bytes().await? == bytes[2..6]);
    let stale = client.get(&served.url).header("Range", "bytes=2-5").header("If-Range", "\"other\"").send().await?;
    ensure!(stale.status() == 200 && stale.bytes().await? == bytes[..]);
    let beyond = client.get(&served.url).header("Range", "bytes=999999-").send().await?;
    ensure!(beyond.status() == StatusCode::RANGE_NOT_SATISFIABLE, "{beyond:?}");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = client.request(method.clone(), &served.url).send().await?;
        ensure!(answer.status() == StatusCode::METHOD_NOT_ALLOWED, "{method}: {answer:?}");
        ensure!(answer.headers().contains_key("allow"), "{method}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn only_exact_names_are_served_however_a_path_is_written() -> Result<()> {
    let served = Served::new("paths").await?;
    let (path, namespace) = (served.path()?, &served.sources.namespace);
    let short = path.strip_prefix("/artifacts").context("no prefix")?;
    let absolute = format!("http://somewhere{path}");
    for target in [path, short, &absolute] {
        let answer = served.raw(target).await?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
    }
    let (folder, file) = path.rsplit_once('/').context("no file")?;
    for target in [
        "/".to_owned(),
        "/artifacts".to_owned(),
        "/artifacts/".to_owned(),
        format!("/artifacts/{namespace}"),
        format!("/artifacts/{namespace}/"),
        folder.to_owned(),
        format!("{folder}/"),
        format!("{folder}/latest.tar.gz"),
        format!("{folder}/../app/{file}"),
        format!("{folder}/%2e%2e/app/{file}"),
        format!("{folder}/..%2fapp%2f{file}"),
        format!("/{path}"),
        path.replace("/app/", "//app/"),
        path.replace("/app/", "/./app/"),
        format!("{path}/"),
        format!("{path}/.."),
        format!("{path}%00"),
        path.to_uppercase(),
        "/artifacts/../../../../etc/passwd".to_owned(),
        "/artifacts/%2e%2e/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "/artifacts/..%5c..%5cetc/a/passwd".to_owned(),
        "http://somewhere/../../etc/passwd".to_owned(),
        format!("{folder}/%ff.tar.gz"),
        format!("{folder}/{}", "a".repeat(5000)),
    ] {
        let answer = served.raw(&target).await?;
        let refused = answer.starts_with("HTTP/1.1 404 ") || answer.starts_with("HTTP/1.1 400 ");
        ensure!(refused, "{target}: {answer}");
        ensure!(!answer.contains(file) && !answer.contains("root:"), "{target} tells: {answer}");
    }
    ensure!(served.raw(path).await?.starts_with("HTTP/1.1 200 "), "it does not serve any more");
    Ok(())
}

#[tokio::test]
async fn health_and_metrics_are_served_and_only_those() -> Result<()> {
    let served = Served::new("probes").await?;
    let (health, metrics) = (served.controller.health, served.controller.metrics);
    let get = async |port: u16, path: &str| {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await?;
        anyhow::Ok((answer.status().as_u16(), answer.text().await?))
    };
    ensure!(get(health, "/healthz").await? == (200, "ok\n".to_owned()));
    let (status, text) = get(health, "/readyz").await?;
    ensure!(status == 200 && ["objects", "storage", "artifact-server"].iter().all(|it| text.contains(it)), "{text}");
    for (port, path) in [(health, "/metrics"), (health, "/"), (metrics, "/healthz"), (metrics, "/")] {
        ensure!(get(port, path).await?.0 == 404, "{path} of {port}");
    }
    Ok(())
}

#[tokio::test]
async fn metrics_tell_of_sources_only_as_long_as_they_exist() -> Result<()> {
    let served = Served::new("metrics").await?;
    let text = served.controller.scrape().await?;
    let namespace = &served.sources.namespace;
    let labels = format!("namespace=\"{namespace}\",name=\"app\"");
    for (series, value) in [
        (format!("gotk_reconcile_condition{{kind=\"ExternalSource\",{labels},type=\"Ready\",status=\"True\"}}"), 1),
        (format!("gotk_suspend_status{{kind=\"ExternalSource\",{labels}}}"), 0),
        (format!("externalsource_reconciliation_total{{{labels},source_type=\"http\",success=\"true\"}}"), 1),
        ("gotk_reconcile_duration_seconds_count{kind=\"ExternalSource\"}".to_owned(), 1),
        ("externalsource_reconciliation_duration_seconds_count{source_type=\"http\",success=\"true\"}".to_owned(), 1),
        ("externalsource_api_request_latency_seconds_count{source_type=\"http\",code=\"2xx\"}".to_owned(), 1),
        ("externalsource_storage_stored_total".to_owned(), 1),
        ("externalsource_artifact_server_requests_total{code=\"200\"}".to_owned(), 1),
        ("externalsource_queue_running{pool=\"fetcher\"}".to_owned(), 0),
    ] {
        let line = format!("{series} {value}");
        ensure!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
    served.sources.api.delete("app", &kube::api::DeleteParams::default()).await?;
    eventually("no series of the deleted source", SOON, async || {
        let text = served.controller.scrape().await?;
        let left: Vec<_> = text.lines().filter(|line| line.contains(namespace.as_str())).collect();
        ensure!(left.is_empty(), "{left:?}");
        ensure!(text.contains("gotk_reconcile_duration_seconds_count"), "everything is gone");
        Ok(())
    })
    .await?;
    eventually("its archives to be gone", SOON, async || {
        let status = reqwest::get(&served.url).await?.status();
        ensure!(status == StatusCode::NOT_FOUND, "{status}");
        Ok(())
    })
    .await
}
