//! SIGTERM: what is under way ends well, nothing new begins.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use testbed::process::Signal;
use testbed::{Origin, Reply, archive, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Controller, Options, SOON, Sources, ensure_status, http_source, testbed};

/// Far more than any test waits: what ends within [`SOON`] did not wait for it.
const GRACE: &str = "10m";

/// What src/actors/supervisor/shutdown.rs says, in this order.
const STEPS: [&str; 7] = [
    "shutting down",
    "shutdown: the watcher stopped",
    "shutdown: the sources stopped",
    "shutdown: the publisher is drained",
    "shutdown: the pools stopped",
    "shutdown: the artifact server stopped",
    "\"stopped\"",
];

#[tokio::test]
async fn an_open_download_finishes_whole_and_everything_stops_in_order() -> Result<()> {
    let served = Served::start("slow-reader").await?;
    let mut download = Download::open(&served).await?;
    served.controller.process.signal(Signal::TERM)?;
    let ready = format!("http://127.0.0.1:{}/readyz", served.controller.health);
    eventually("readiness to be off", SOON, async || ensure_status(&ready, 503).await).await?;
    served.controller.process.until_logged("shutdown: the pools stopped", SOON).await?;
    eventually("new connections to be refused", SOON, async || {
        ensure!(TcpStream::connect(("127.0.0.1", served.controller.artifacts)).await.is_err(), "one was accepted");
        Ok(())
    })
    .await?;
    ensure!(!served.controller.process.log()?.contains("the artifact server stopped"), "it did not wait");
    ensure!(served.controller.process.exit_status()?.is_none(), "the process did not wait for the download");

    let bytes = download.finish().await?;
    ensure!(archive::digest(&bytes) == served.digest, "the download is not whole: {} bytes", bytes.len());
    let status = served.controller.process.wait(SOON).await?;
    ensure!(status.code() == Some(0), "{status}");
    in_order(&served.controller.process.log()?)
}

#[tokio::test]
async fn a_second_signal_ends_at_once() -> Result<()> {
    let served = Served::start("second-signal").await?;
    let _download = Download::open(&served).await?;
    served.controller.process.signal(Signal::TERM)?;
    served.controller.process.until_logged("shutdown: the pools stopped", SOON).await?;
    ensure!(served.controller.process.exit_status()?.is_none(), "the first signal did not wait for the download");
    let status = served.controller.process.terminate(SOON).await?;
    ensure!(status.code() == Some(143), "{status}");
    Ok(())
}

#[tokio::test]
async fn a_hanging_fetch_does_not_hold_up_the_end_and_leaves_nothing_half_published() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("hanging").await?;
    let origin = Origin::start().await?;
    origin.on("/hanging.yaml", Reply::ok("a: 1\n").hang_after(2));
    let options = Options::default().with("SHUTDOWN_GRACE_PERIOD", GRACE).with("HTTP_TIMEOUT", GRACE);
    let controller = Controller::start_with(&testbed, &namespace, options).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("hanging", &http_source(&origin.url("/hanging.yaml"))).await?;
    origin.wait_for_requests("/hanging.yaml", 1, SOON).await?;
    let status = controller.process.terminate(SOON).await?;
    ensure!(status.code() == Some(0), "{status}");
    in_order(&controller.process.log()?)?;
    ensure!(sources.artifacts.get_opt("hanging").await?.is_none(), "there is an ExternalArtifact");
    let source = sources.api.get("hanging").await?;
    let status = source.status.unwrap_or_default();
    ensure!(status.artifact.is_none() && status.observed_generation != source.metadata.generation, "{status:?}");
    let is_undecided = |condition: &Condition| condition.type_ != "Ready" || condition.status == "Unknown";
    ensure!(status.conditions.iter().all(is_undecided), "{:?}", status.conditions);
    Ok(())
}

/// A controller that serves one archive which fits into no socket's buffers.
struct Served {
    controller: Controller,
    path: String,
    digest: String,
}

impl Served {
    async fn start(prefix: &str) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let origin = Origin::start().await?;
        // Random, so that it is as large in the archive.
        let body: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(4 << 20).collect();
        origin.on("/large.bin", Reply::ok(body));
        let options = Options::default().with("SHUTDOWN_GRACE_PERIOD", GRACE);
        let controller = Controller::start_with(&testbed, &namespace, options).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        sources.apply("large", &http_source(&origin.url("/large.bin"))).await?;
        sources.wait_ready("large").await?;
        let artifact = sources.advertised("large").await?;
        Ok(Self { controller, path: artifact.path, digest: artifact.digest })
    }
}

/// A download by a client that reads nothing more until it is told to.
struct Download {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Download {
    async fn open(served: &Served) -> Result<Self> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(64 * 1024)?;
        let mut stream = socket.connect(([127, 0, 0, 1], served.controller.artifacts).into()).await?;
        let request = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", served.path);
        stream.write_all(request.as_bytes()).await?;
        let mut read = vec![0; 1024];
        stream.read_exact(&mut read).await?;
        ensure!(read.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&read));
        Ok(Self { stream, read })
    }

    /// Reads on to the end and gives the body.
    async fn finish(&mut self) -> Result<Vec<u8>> {
        tokio::time::timeout(SOON, self.stream.read_to_end(&mut self.read)).await.context("the download hangs")??;
        let head = self.read.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the headers")?;
        Ok(self.read.split_off(head + 4))
    }
}

fn in_order(log: &str) -> Result<()> {
    let mut rest = log;
    for step in STEPS {
        let at = rest.find(step).with_context(|| format!("{step:?} does not come after what must precede it"))?;
        rest = &rest[at + step.len()..];
    }
    Ok(())
}
