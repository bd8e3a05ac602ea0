//! One case: what is asked, and what answering cost.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::bed::Bed;
use crate::load::{self, Order, Outcome};
use crate::{Size, usage};

/// Connections at once.
pub const CONNECTIONS: usize = 64;

/// Something to ask for.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: &'static str,
    path: String,
    /// A header beside those that every request has; `{etag}` stands for the archive's.
    header: &'static str,
    status: u16,
    /// So many times fewer requests than for small archives.
    fewer: usize,
    /// Most that it may cost, as a part of nginx's processor time.
    pub goal: f64,
}

/// What it cost.
#[derive(Debug, Clone)]
pub struct Cost {
    pub requests: usize,
    pub cpu: Duration,
    pub outcome: Outcome,
}

impl Case {
    /// Everything that is measured.
    pub fn all(bed: &Bed) -> Vec<Self> {
        let case = |name, source, header, status, fewer, goal| Self {
            name,
            path: bed.path(source),
            header,
            status,
            fewer,
            goal,
        };
        vec![
            case("20 KB", "small", "", 200, 1, 0.85),
            case("20 KB, not modified", "small", "if-none-match: {etag}\r\n", 304, 1, 0.85),
            case("20 KB of 20 MB, a range", "large", "range: bytes=7000000-7019999\r\n", 206, 1, 0.85),
            case("20 MB", "large", "", 200, 200, 1.1),
        ]
    }
}

/// Asks a server whose processes these are.
pub async fn run(case: &Case, address: SocketAddr, pids: &[u32], size: &Size) -> Result<Cost> {
    let etag = etag(address, &case.path).await?;
    let request = format!("GET {} HTTP/1.1\r\nhost: bench\r\n{}\r\n", case.path, case.header.replace("{etag}", &etag));
    let requests = (size.requests / case.fewer).max(CONNECTIONS);
    let order = Order { address, connections: CONNECTIONS, requests, request, status: case.status };
    let before = cpu(pids)?;
    let outcome = load::run(&order).await?;
    Ok(Cost { requests, cpu: cpu(pids)?.saturating_sub(before), outcome })
}

async fn etag(address: SocketAddr, path: &str) -> Result<String> {
    let answer = reqwest::Client::new().head(format!("http://{address}{path}")).send().await?;
    ensure!(answer.status() == 200, "{address} answered {}", answer.status());
    let etag = answer.headers().get("etag").context("no ETag")?;
    Ok(etag.to_str()?.to_owned())
}

fn cpu(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| usage::cpu(*pid)).sum()
}
