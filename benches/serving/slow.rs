//! Many slow readers of a large archive: what they cost in memory, and whether anybody else notices.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::bed::{Bed, LIMIT};
use crate::measure::CONNECTIONS;
use crate::usage::{self, Memory};

/// Changes of a small source whose times are taken.
const CHANGES: usize = 30;

/// What each reader takes at once, and how often: 1 MB a second.
const SIP: usize = 50_000;
const PAUSE: Duration = Duration::from_millis(50);

/// What was found.
pub struct Slow {
    before: (Memory, Duration),
    meanwhile: (Memory, Duration),
    bytes: u64,
}

/// Lets them read.
pub async fn run(bed: &Bed) -> Result<Slow> {
    // Once fast, so that what is kept of it is there.
    let whole = reqwest::get(format!("http://{}{}", bed.address(), bed.path("huge"))).await?.bytes().await?;
    ensure!(whole.len() >= 100_000_000, "{} bytes", whole.len());
    drop(whole);
    let before = (usage::settled(bed.pid()).await?, changes(bed).await?);
    let read = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for _ in 0..CONNECTIONS {
        readers.push(tokio::spawn(sip(connect(bed).await?, Arc::clone(&read))));
    }
    let begun = || async {
        ensure!(read.load(Ordering::Relaxed) > 64 << 20, "they have not begun");
        Ok(())
    };
    testbed::eventually("the slow readers to begin", LIMIT, begun).await?;
    let memory = Memory::of(bed.pid())?;
    let took = changes(bed).await?;
    let memory_after = Memory::of(bed.pid())?;
    ensure!(readers.iter().all(|reader| !reader.is_finished()), "a reader was cut off");
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    let most = if memory.anonymous > memory_after.anonymous { memory } else { memory_after };
    Ok(Slow { before, meanwhile: (most, took), bytes: read.load(Ordering::Relaxed) })
}

/// The median time from a request for a run to the advertisement of what it found.
async fn changes(bed: &Bed) -> Result<Duration> {
    let (mut times, mut before) = (Vec::new(), bed.advertised("small", "").await?);
    for _ in 0..CHANGES {
        let start = Instant::now();
        bed.publish("small", 20_000).await?;
        before = bed.advertised("small", &before).await?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

async fn connect(bed: &Bed) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(64 << 10)?;
    let mut client = socket.connect(bed.address()).await?;
    let request = format!("GET {} HTTP/1.1\r\nhost: bench\r\n\r\n", bed.path("huge"));
    client.write_all(request.as_bytes()).await?;
    Ok(client)
}

async fn sip(mut client: TcpStream, read: Arc<AtomicU64>) -> Result<()> {
    let mut buffer = vec![0; SIP];
    loop {
        let length = client.read_exact(&mut buffer).await?;
        read.fetch_add(length as u64, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, meanwhile) = (&self.before, &self.meanwhile);
        writeln!(f, "{CONNECTIONS} slow readers of 100 MB ({} MB were read)", self.bytes / 1_000_000)?;
        writeln!(f, "  before                      {}", before.0)?;
        writeln!(f, "  meanwhile                   {}", meanwhile.0)?;
        writeln!(f, "  a small change, median      {:.1} ms, meanwhile {:.1} ms", ms(before.1), ms(meanwhile.1))?;
        writeln!(f, "  its ratio                   {:9.2}      goal       2.00", ms(meanwhile.1) / ms(before.1))
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
