//! The table.

use std::fmt;
use std::time::Duration;

use crate::floor::Floor;
use crate::latency::Latency;
use crate::polls::Polls;
use crate::usage::{self, Cost, Memory};
use crate::writes::Writes;

/// From the first create to all Ready.
pub struct Fleet {
    pub elapsed: Duration,
    /// Until the last create was answered.
    pub created: Duration,
    pub cost: Cost,
    pub writes: Writes,
}

struct Round {
    floor: Floor,
    fleet: Fleet,
    start: Memory,
}

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    sources: usize,
    rounds: Vec<Round>,
    pub events: Option<Duration>,
    pub loaded: Option<Memory>,
    pub changed: Option<Memory>,
    pub idle: Option<Duration>,
    pub latency: Option<Latency>,
    pub latency_floor: Option<Latency>,
    pub polls: Option<Polls>,
}

impl Report {
    pub fn new(sources: usize) -> Self {
        Self { sources, ..Self::default() }
    }

    pub fn round(&mut self, floor: Floor, fleet: Fleet, start: Memory) {
        self.rounds.push(Round { floor, fleet, start });
    }

    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        let mut values: Vec<_> = self.rounds.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn rounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Round { floor, fleet, .. }) in self.rounds.iter().enumerate() {
            let (took, bare) = (fleet.elapsed.as_secs_f64(), floor.elapsed.as_secs_f64());
            line(
                f,
                &format!("round {}", number + 1),
                &format!("{took:.2} s, bare client {bare:.2} s, ratio {:.2}", took / bare),
            )?;
            line(f, "  last create answered", &format!("{:.2} s", fleet.created.as_secs_f64()))?;
            line(f, "  processor time", &cost(&fleet.cost))?;
            line(f, "  of the bare client's round", &cost(&floor.cost))?;
        }
        let took = self.median(|round| round.fleet.elapsed.as_secs_f64());
        let ratio = self.median(|round| round.fleet.elapsed.as_secs_f64() / round.floor.elapsed.as_secs_f64());
        let what = format!("{} sources to all Ready", self.sources);
        line(f, &what, &format!("{took:.2} s, ratio {ratio:.2} (medians; goal 6 s for 1000)"))
    }

    fn writes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Round { fleet: Fleet { writes, .. }, .. }) = self.rounds.last() {
            line(
                f,
                "writes per new source",
                &format!("{} (goal 3){}", per(writes.objects, self.sources), others(writes)),
            )?;
        }
        if let Some(Latency { writes, answered, .. }) = &self.latency {
            line(
                f,
                "writes per change",
                &format!("{} (goal 2){}", per(writes.objects, answered.len()), others(writes)),
            )?;
        }
        let Some(polls) = &self.polls else { return Ok(()) };
        let text = format!("{} (goal 0)", per(polls.writes, polls.count));
        line(
            f,
            "writes per unchanged poll",
            &format!("{text}; {} polls, {} unconditional", polls.count, polls.unconditional),
        )
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(round) = self.rounds.last() {
            line(f, "memory without sources", &round.start.to_string())?;
        }
        if let Some(memory) = &self.loaded {
            let what = format!("memory with {} idle sources", self.sources);
            line(f, &what, &format!("{memory} (goal 40 MB for 1000)"))?;
        }
        self.changed.map_or(Ok(()), |memory| line(f, "memory after the changes", &memory.to_string()))
    }

    fn rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Latency { answered, sent, .. }) = &self.latency {
            line(f, "annotation answered to seen", &format!("{} (goals p50 5 ms, p99 10 ms)", percentiles(answered)))?;
            line(f, "annotation sent to seen", &percentiles(sent))?;
        }
        if let Some(Latency { answered, sent, .. }) = &self.latency_floor {
            line(f, "  with the bare client, answered", &percentiles(answered))?;
            line(f, "  with the bare client, sent", &percentiles(sent))?;
        }
        if let Some(events) = self.events {
            line(f, "events told after", &format!("{:.0} s", events.as_secs_f64()))?;
        }
        let (Some(idle), Some(polls)) = (self.idle, &self.polls) else { return Ok(()) };
        let poll = polls.cpu.div_f64(polls.count.max(1) as f64);
        let with_polls = idle + poll.mul_f64(self.sources as f64 / 10.0);
        let rate = polls.count as f64 / polls.elapsed.as_secs_f64();
        line(f, "processor time per idle minute", &format!("{} ms without a poll", idle.as_millis()))?;
        line(f, "processor time per poll", &format!("{} µs, at {rate:.0} polls a second", poll.as_micros()))?;
        line(f, "  so per minute at interval 10m", &format!("{} ms", with_polls.as_millis()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        line(f, "machine", &format!("{cores} cores, load {}", usage::load().unwrap_or_default()))?;
        self.rounds(f)?;
        self.writes(f)?;
        self.memory(f)?;
        self.rest(f)
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, value: &str) -> fmt::Result {
    writeln!(f, "{what:<34}{value}")
}

fn per(count: usize, of: usize) -> String {
    format!("{:.3}", count as f64 / of.max(1) as f64)
}

fn others(writes: &Writes) -> String {
    let kinds: Vec<_> = writes.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    format!("; {} refused; events {}; {}", writes.refused, writes.events, kinds.join(", "))
}

fn cost(cost: &Cost) -> String {
    let parts: Vec<_> = cost.0.iter().map(|(name, time)| format!("{name} {:.2} s", time.as_secs_f64())).collect();
    parts.join(", ")
}

/// Of sorted durations.
fn percentiles(sorted: &[Duration]) -> String {
    let at = |part: f64| {
        #[expect(clippy::cast_sign_loss, reason = "parts are positive")]
        let index = (sorted.len() as f64 * part) as usize;
        sorted.get(index.min(sorted.len().saturating_sub(1))).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    format!("p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.9), at(0.99), at(1.0))
}
