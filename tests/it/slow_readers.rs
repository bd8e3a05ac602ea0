//! Many slow readers of a large archive cost next to nothing, and nobody else waits for them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testbed::{Origin, Reply, archive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::harness::{Controller, Options, SOON, Sources, config_map, http_source, testbed};

const READERS: usize = 64;

const SIZE: usize = 100_000_000;

/// What each reads before it pauses.
const SIP: usize = 256 * 1024;

/// Anonymous memory in KiB.
fn anonymous(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Bytes that do not shrink, and differ from place to place.
fn body() -> Vec<u8> {
    let mut state = 1_u64;
    let mut words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    });
    words.by_ref().take(SIZE / 4).flat_map(u32::to_le_bytes).collect()
}

/// A reader that has had a sip.
async fn reader(controller: &Controller, path: &str) -> Result<(TcpStream, Vec<u8>)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(64 * 1024)?;
    let mut client = socket.connect(([127, 0, 0, 1], controller.artifacts).into()).await?;
    client.write_all(format!("GET /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut sip = vec![0; SIP];
    timeout(SOON, client.read_exact(&mut sip)).await.context("nothing is sent")??;
    Ok((client, sip))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_slow_readers_of_a_large_archive_cost_little_and_hold_nobody_up() -> Result<()> {
    let testbed = testbed().await?;
    let sources = Sources::of(&testbed, &testbed.namespace("slow").await?).await?;
    let (origin, volume) = (Origin::start().await?, tempfile::tempdir()?);
    let options =
        Options::default().with("STORAGE_BACKEND", "pvc").with("PVC_STORAGE_PATH", volume.path().display().to_string());
    let controller = Controller::start_with(&testbed, &sources.namespace, options).await?;
    origin.on("/large.bin", Reply::ok(body()));
    sources.apply("large", &http_source(&origin.url("/large.bin"))).await?;
    sources.wait_ready("large").await?;
    let advertised = sources.advertised("large").await?;

    // Two first: whatever the first download needs once is not what the others cost.
    let mut readers = vec![reader(&controller, &advertised.path).await?, reader(&controller, &advertised.path).await?];
    let before = anonymous(controller.process.pid())?;
    while readers.len() < READERS {
        readers.push(reader(&controller, &advertised.path).await?);
    }
    let grown = anonymous(controller.process.pid())?.saturating_sub(before);
    ensure!(grown < 8 * 1024, "{READERS} readers cost {grown} KiB");

    origin.on("/small.yaml", Reply::ok(config_map("small")));
    sources.apply("small", &http_source(&origin.url("/small.yaml"))).await?;
    sources.wait_ready("small").await?;
    ensure!(sources.download("small").await? == [("small.yaml".to_owned(), config_map("small"))]);

    let (mut client, mut whole) = readers.swap_remove(7);
    timeout(Duration::from_secs(120), client.read_to_end(&mut whole)).await.context("the rest does not come")??;
    let start = whole.windows(4).position(|end| end == b"\r\n\r\n").context("no head")? + 4;
    ensure!(archive::digest(&whole[start..]) == advertised.digest, "other bytes came");
    Ok(())
}
