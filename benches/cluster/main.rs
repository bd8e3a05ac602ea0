//! Measures the controller against a real API server: how long a thousand new sources take, what one write more or
//! less there is, what it keeps in memory, how soon a change is seen. `docs/performance.md` explains the figures.
//!
//! `just bench` runs it, in about five minutes, and `just bench-large` what is told about a large document instead.
//! Everything runs on 127.0.0.1 and ends with it.

mod bed;
mod fleet;
mod floor;
mod large;
mod latency;
mod polls;
mod report;
mod usage;
mod writes;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use bed::{Bed, Controller};
use report::{Fleet, Report};
use usage::{Memory, Parts};

/// What is measured, and how much of it.
#[derive(Debug, Clone)]
struct Size {
    sources: usize,
    rounds: usize,
    samples: usize,
    idle: Duration,
    /// Megabytes of the one document that is measured instead of everything else.
    large: Option<usize>,
    /// The binary.
    program: String,
    /// Settings beyond those that every run needs, as `NAME=VALUE`.
    settings: Vec<(String, String)>,
}

impl Size {
    /// From arguments such as `--sources 100`; what cargo adds by itself is passed over.
    fn from_arguments() -> Result<Self> {
        let mut size = Self {
            sources: 1000,
            rounds: 3,
            samples: 300,
            idle: Duration::from_secs(60),
            large: None,
            program: env!("CARGO_BIN_EXE_flux-externalsource").into(),
            settings: Vec::new(),
        };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{argument} needs a value"))?;
            match argument.as_str() {
                "--sources" => size.sources = value.parse()?,
                "--rounds" => size.rounds = value.parse()?,
                "--samples" => size.samples = value.parse()?,
                "--idle" => size.idle = Duration::from_secs(value.parse()?),
                "--large" => size.large = Some(value.parse()?),
                "--program" => size.program = value,
                "--set" => {
                    let (name, value) = value.split_once('=').context("--set needs NAME=VALUE")?;
                    size.settings.push((name.into(), value.into()));
                }
                other => anyhow::bail!(
                    "{other} is none of --sources, --rounds, --samples, --idle, --large, --program, --set"
                ),
            }
        }
        ensure!(size.sources > 0 && size.rounds > 0, "nothing to measure");
        Ok(size)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let size = Size::from_arguments()?;
    if let Some(megabytes) = size.large {
        return large::run(megabytes, &size).await;
    }
    let bed = Bed::start(size.sources).await?;
    let mut report = Report::new(size.sources);
    let mut last = None;
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}: the bare client", size.rounds);
        drop(last.take());
        let floor = floor::run(&bed, &size).await?;
        if round == size.rounds {
            report.latency_floor = Some(latency::floor(&bed, &floor.namespace, &size).await?);
        }
        eprintln!("round {round} of {}: the controller (load {})", size.rounds, usage::load()?);
        let namespaces = (bed.testbed.namespace("bench").await?, bed.testbed.namespace("polls").await?);
        let controller = bed.controller(&[&namespaces.0, &namespaces.1], &size).await?;
        let memory = usage::settled(controller.pid()).await?;
        let fleet = round_of(&bed, &controller, &namespaces.0, &size).await?;
        report.round(floor, fleet, memory);
        last = Some((controller, namespaces));
    }
    if let Some((controller, namespaces)) = &last {
        one_by_one(&bed, controller, namespaces, &size, &mut report).await?;
    }
    println!("{report}");
    Ok(())
}

/// From the first create to all Ready, and what that cost whom.
async fn round_of(bed: &Bed, controller: &Controller, namespace: &str, size: &Size) -> Result<Fleet> {
    let audit = bed.testbed.audit_log().await?;
    let since = audit.position().await?;
    let parts = Parts::find(Some(controller.pid()))?;
    let before = parts.read()?;
    let (elapsed, created) = fleet::create(bed, namespace, size.sources).await?;
    let cost = parts.read()?.since(&before);
    let writes = writes::count(&audit, since, &controller.user).await?;
    Ok(Fleet { elapsed, created, cost, writes })
}

/// What is measured with all sources in place, on the last round's controller.
async fn one_by_one(
    bed: &Bed,
    controller: &Controller,
    (namespace, polls): &(String, String),
    size: &Size,
    report: &mut Report,
) -> Result<()> {
    eprintln!("waiting until all events are told");
    report.events = Some(writes::until_quiet(bed, controller).await?);
    report.loaded = Some(usage::settled(controller.pid()).await?);
    eprintln!("idle for {} s", size.idle.as_secs());
    report.idle = Some(usage::over(controller.pid(), size.idle).await?);
    eprintln!("{} changes", size.samples);
    report.latency = Some(latency::run(bed, &controller.user, namespace, size).await?);
    report.changed = Some(Memory::of(controller.pid())?);
    eprintln!("polls of unchanged origins");
    report.polls = Some(polls::run(bed, controller, polls).await?);
    Ok(())
}
