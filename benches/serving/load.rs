//! The process that asks: one request after the other on each of many connections, until all are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The argument that makes this program that process.
pub const COMMAND: &str = "load";

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// What to ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub address: SocketAddr,
    pub connections: usize,
    pub requests: usize,
    /// The whole request.
    pub request: String,
    pub status: u16,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub elapsed: Duration,
    /// Bytes of contents.
    pub bytes: u64,
    /// Times that single requests took.
    pub median: Duration,
    pub p99: Duration,
}

/// Lets another process carry out an order.
pub async fn run(order: &Order) -> Result<Outcome> {
    let program = std::env::current_exe()?;
    let mut command = tokio::process::Command::new(program);
    let output = command.arg(COMMAND).arg(serde_json::to_string(order)?).kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Carries out the order in the second argument.
pub fn main() -> Result<()> {
    let order: Order = serde_json::from_str(&std::env::args().nth(2).context("no order")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", serde_json::to_string(&runtime.block_on(carry_out(order))?)?);
    Ok(())
}

async fn carry_out(order: Order) -> Result<Outcome> {
    let (order, left) = (Arc::new(order), Arc::new(AtomicUsize::new(0)));
    left.store(order.requests, Ordering::Relaxed);
    let mut clients = Vec::new();
    for _ in 0..order.connections {
        clients.push(TcpStream::connect(order.address).await?);
    }
    let start = Instant::now();
    let ask = |client| tokio::spawn(ask(client, Arc::clone(&order), Arc::clone(&left)));
    let asked: Vec<_> = clients.into_iter().map(ask).collect();
    let (mut bytes, mut times) = (0, Vec::new());
    for outcome in futures::future::try_join_all(asked).await? {
        let (read, took) = outcome?;
        bytes += read;
        times.extend(took);
    }
    let elapsed = start.elapsed();
    times.sort_unstable();
    Ok(Outcome { elapsed, bytes, median: times[times.len() / 2], p99: times[times.len() * 99 / 100] })
}

async fn ask(mut client: TcpStream, order: Arc<Order>, left: Arc<AtomicUsize>) -> Result<(u64, Vec<Duration>)> {
    client.set_nodelay(true)?;
    let (mut buffer, mut bytes, mut times) = (vec![0; BUFFER], 0, Vec::new());
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let start = Instant::now();
        client.write_all(order.request.as_bytes()).await?;
        bytes += answer(&mut client, &mut buffer, order.status).await?;
        times.push(start.elapsed());
    }
    Ok((bytes, times))
}

/// Reads one answer; gives the length of its content.
async fn answer(client: &mut TcpStream, buffer: &mut [u8], status: u16) -> Result<u64> {
    let (mut filled, end) = (0, b"\r\n\r\n");
    let head = loop {
        let read = client.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the connection was closed");
        filled += read;
        if let Some(head) = buffer[..filled].windows(end.len()).position(|window| window == end) {
            break head;
        }
    };
    let text = std::str::from_utf8(&buffer[..head])?;
    ensure!(text.get(9..12).and_then(|code| code.parse().ok()) == Some(status), "{text}");
    let length = match status {
        304 => 0,
        _ => length(text).with_context(|| format!("no length: {text}"))?,
    };
    let mut read = (filled - head - end.len()) as u64;
    while read < length {
        let more = client.read(buffer).await?;
        if more == 0 {
            bail!("the connection was closed after {read} of {length} bytes");
        }
        read += more as u64;
    }
    ensure!(read == length, "{read} bytes instead of {length}");
    Ok(length)
}

fn length(head: &str) -> Option<u64> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1.parse().ok()
}
