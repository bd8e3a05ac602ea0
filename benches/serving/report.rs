//! The figures, for people.

use std::fmt;
use std::time::Duration;

use crate::Size;
use crate::measure::{Case, Cost};
use crate::slow::Slow;

/// What one round cost us, and nginx.
type Round = (Cost, Option<Cost>);

/// What was measured.
pub struct Report {
    size: Size,
    has_nginx: bool,
    rows: Vec<(Case, Vec<Round>)>,
    pub slow: Option<Slow>,
}

impl Report {
    pub fn new(size: &Size, has_nginx: bool) -> Self {
        Self { size: size.clone(), has_nginx, rows: Vec::new(), slow: None }
    }

    /// One round of a case.
    pub fn add(&mut self, case: &Case, ours: Cost, theirs: Option<Cost>) {
        match self.rows.last_mut() {
            Some((last, rounds)) if last.name == case.name => rounds.push((ours, theirs)),
            _ => self.rows.push((case.clone(), vec![(ours, theirs)])),
        }
    }
}

impl Cost {
    fn each(&self) -> Duration {
        self.cpu / u32::try_from(self.requests).unwrap_or(u32::MAX)
    }

    fn per_gigabyte(&self) -> f64 {
        self.cpu.as_secs_f64() / (self.outcome.bytes as f64 / 1e9)
    }

    fn rate(&self) -> f64 {
        self.outcome.bytes as f64 / 1e6 / self.outcome.elapsed.as_secs_f64()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "storage: {}; nginx logs requests: {}", self.size.backend, self.size.nginx_log)?;
        if !self.has_nginx {
            writeln!(f, "nginx is not installed, or there are no files that it could serve: no comparison")?;
        }
        for (case, rounds) in &self.rows {
            let of = |figure: fn(&Cost) -> f64| {
                let ours = median(rounds.iter().map(|(ours, _)| figure(ours)).collect());
                let theirs = median(rounds.iter().filter_map(|(_, theirs)| theirs.as_ref().map(figure)).collect());
                (ours, theirs)
            };
            let ratios = |figure: fn(&Cost) -> f64| {
                let pairs = rounds.iter().filter_map(|(ours, theirs)| Some(figure(ours) / figure(theirs.as_ref()?)));
                median(pairs.collect())
            };
            let cpu = of(|cost| cost.each().as_secs_f64() * 1e6);
            writeln!(f, "\n{} ({} rounds of {} requests)", case.name, rounds.len(), rounds[0].0.requests)?;
            writeln!(f, "  processor time per request  {:9.1} us   nginx {:9.1} us", cpu.0, cpu.1)?;
            let gigabyte = of(Cost::per_gigabyte);
            writeln!(f, "  processor time per GB       {:9.3} s    nginx {:9.3} s", gigabyte.0, gigabyte.1)?;
            writeln!(
                f,
                "  its ratio                   {:9.2}      goal  {:9.2}",
                ratios(|cost| cost.cpu.as_secs_f64()),
                case.goal
            )?;
            let rate = of(Cost::rate);
            writeln!(f, "  throughput                  {:9.0} MB/s nginx {:9.0} MB/s", rate.0, rate.1)?;
            writeln!(f, "  its ratio                   {:9.2}", ratios(Cost::rate))?;
            let p50 = of(|cost| cost.outcome.median.as_secs_f64() * 1e3);
            let p99 = of(|cost| cost.outcome.p99.as_secs_f64() * 1e3);
            writeln!(
                f,
                "  p50, p99                    {:.2}, {:.2} ms   nginx {:.2}, {:.2} ms",
                p50.0, p99.0, p50.1, p99.1
            )?;
        }
        self.slow.iter().try_for_each(|slow| write!(f, "\n{slow}"))
    }
}
