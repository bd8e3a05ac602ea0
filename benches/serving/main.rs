//! Measures what it costs to serve archives, against nginx serving the same files in the same run: processor time of all
//! processes of either server, read from /proc, while another process asks over 64 connections.
//!
//! `just bench-serving` runs it, in about two minutes. Needs Debian's nginx (`apt-get install nginx-light`); without it,
//! only our own figures are told. `docs/performance.md` explains them.

mod bed;
mod load;
mod measure;
mod nginx;
mod report;
mod slow;
#[path = "../cluster/usage.rs"]
#[allow(dead_code)]
mod usage;

use anyhow::{Context as _, Result};

use bed::Bed;
use measure::Case;
use nginx::Nginx;
use report::Report;

/// What is measured, and how much of it.
#[derive(Debug, Clone)]
pub struct Size {
    /// How often; the median counts.
    rounds: usize,
    /// Requests of a round for small archives; for others as many as take about as long.
    requests: usize,
    /// `STORAGE_BACKEND`.
    backend: String,
    /// The binary.
    program: String,
    /// Whether nginx logs requests, as Debian's package has it.
    nginx_log: bool,
    /// Only cases whose names contain this.
    only: String,
}

impl Size {
    /// From arguments such as `--rounds 1`; what cargo adds by itself is passed over.
    fn from_arguments() -> Result<Self> {
        let mut size = Self {
            rounds: 5,
            requests: 60_000,
            backend: "pvc".into(),
            program: env!("CARGO_BIN_EXE_flux-externalsource").into(),
            nginx_log: true,
            only: String::new(),
        };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
            match argument.as_str() {
                "--rounds" => size.rounds = value.parse()?,
                "--requests" => size.requests = value.parse()?,
                "--backend" => size.backend = value,
                "--program" => size.program = value,
                "--nginx-log" => size.nginx_log = value.parse()?,
                "--only" => size.only = value,
                other => {
                    anyhow::bail!("{other} is none of --rounds, --requests, --backend, --program, --nginx-log, --only")
                }
            }
        }
        Ok(size)
    }
}

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(load::COMMAND) {
        return load::main();
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(run())
}

async fn run() -> Result<()> {
    let size = Size::from_arguments()?;
    let bed = Bed::start(&size).await?;
    let nginx = Nginx::start(&bed, size.nginx_log).await?;
    let mut report = Report::new(&size, nginx.is_some());
    for case in Case::all(&bed).into_iter().filter(|case| case.name.contains(&size.only)) {
        for round in 1..=size.rounds {
            eprintln!("{}, round {round} of {} (load {})", case.name, size.rounds, usage::load()?);
            let ours = measure::run(&case, bed.address(), &[bed.pid()], &size).await?;
            let theirs = match &nginx {
                Some(nginx) => Some(measure::run(&case, nginx.address, &nginx.pids()?, &size).await?),
                None => None,
            };
            report.add(&case, ours, theirs);
        }
    }
    if "slow readers".contains(&size.only) {
        report.slow = Some(slow::run(&bed).await?);
    }
    println!("{report}");
    Ok(())
}
