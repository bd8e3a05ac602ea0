//! Our built-in jq as a process against the command jq, over documents of three sizes: wall and processor time.
//! `just bench-transform`. Figures of one machine under other load say little; the ratio says more.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const OURS: &str = env!("CARGO_BIN_EXE_flux-externalsource");

/// Where distributions install the command.
const THEIRS: &str = "/usr/bin/jq";

/// Name, size in bytes, and how often each program runs over it.
const SIZES: [(&str, usize, u32); 3] = [("1 KB", 1 << 10, 100), ("1 MB", 1 << 20, 10), ("50 MB", 50 << 20, 3)];

/// What transformations do: take everything, pick, add up, change one place.
const PROGRAMS: [&str; 4] =
    [".", "[.items[] | select(.active) | {id, name}]", ".items | map(.score) | add", ".items[0].name = \"x\""];

/// A list of objects as APIs give it.
fn document(size: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = "{\"items\":[".to_owned();
    for id in 0.. {
        let (uuid, score, zip) = (random.u128(..), random.u32(..1_000_000), random.u32(10_000..99_999));
        let item = format!(
            r#"{{"id":{id},"name":"user-{id}","uuid":"{uuid:032x}","active":{},"score":{}.{:03},"tags":["a","b","c{}"],"address":{{"city":"Berlin","zip":"{zip}","geo":{{"lat":52.{zip},"lon":13.{zip}}}}},"note":"Lorem ipsum dolor sit amet, \u00e9 consectetur \n adipiscing elit {id}"}}"#,
            id % 3 == 0,
            score / 1000,
            score % 1000,
            id % 10,
        );
        if text.len() + item.len() > size && id > 0 {
            break;
        }
        if id > 0 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text + "]}\n"
}

/// Processor time of all children that have ended, in hundredths of a second (proc(5), fields 16 and 17).
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Wall and processor time of one run.
fn measure(command: &[&str], program: &str, input: &Path, runs: u32) -> (Duration, Duration) {
    let (before, start) = (children(), Instant::now());
    for _ in 0..runs {
        let input = File::open(input).unwrap();
        let ran = Command::new(command[0]).args(&command[1..]).arg(program).stdin(input).stdout(Stdio::null()).status();
        assert!(ran.unwrap().success(), "{command:?} {program}");
    }
    (start.elapsed() / runs, children().saturating_sub(before) / runs)
}

fn main() {
    let there = Path::new(THEIRS).exists();
    if !there {
        println!("{THEIRS} is not installed: there is nothing to compare with, only our own times follow");
    }
    println!("| document | program | jq: wall, cpu (ms) | built in: wall, cpu (ms) |\n| --- | --- | --- | --- |");
    for (name, size, runs) in SIZES {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), document(size)).unwrap();
        for program in PROGRAMS {
            let mut row = format!("| {name} | `{program}` |").replace(" | select", " \\| select");
            for command in [there.then_some(&[THEIRS][..]), Some(&[OURS, "builtin", "jq"])] {
                let cell = command.map(|command| measure(command, program, file.path(), runs));
                let cell =
                    cell.map(|(wall, cpu)| format!("{:.1}, {:.1}", wall.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3));
                write!(row, " {} |", cell.unwrap_or_else(|| "-".to_owned())).unwrap();
            }
            println!("{row}");
        }
    }
}
