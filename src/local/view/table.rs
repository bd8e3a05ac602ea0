//! The table: everything that happens, in a text of given width and height.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::text::{ago, bytes, fit, plain, short_revision, state, until, width};
use crate::activity::{SourceActivity, State};
use crate::api::ObjectName;
use crate::local::Problem;

/// Names may take this many columns.
const MAX_NAME: usize = 40;

/// The last column has at least this many columns before others give way to it.
const MIN_DETAIL: usize = 24;

/// Columns between columns.
const GAP: usize = 2;

/// Problems of manifests that are shown; more are counted.
const MAX_PROBLEMS: usize = 4;

/// What the table shows.
#[derive(Debug, Clone, Copy)]
pub struct Screen<'a> {
    /// The sources, sorted by name.
    pub rows: &'a [(ObjectName, Arc<SourceActivity>)],
    /// What is wrong with the manifests.
    pub problems: &'a [Problem],
}

/// Columns before the last one, in order; the second value says in which order they give way on a narrow terminal.
const COLUMNS: [(&str, u8); 6] =
    [("NAME", 9), ("STATE", 8), ("FETCHED", 2), ("REVISION", 3), ("SIZE", 1), ("NEXT RUN", 4)];

/// The table in at most `height` lines of at most `width` columns, each with its line break.
pub fn render(screen: &Screen<'_>, width: u16, height: u16, now: Timestamp) -> String {
    let (width, height) = (usize::from(width), usize::from(height));
    let mut footer = problem_lines(screen.problems, height / 3);
    footer.truncate(height.saturating_sub(2));
    let room = height.saturating_sub(2 + footer.len());
    let (rows, hidden) = choose(screen.rows, room);

    let mut lines = vec![summary(screen.rows)];
    lines.extend(table(&rows, width, now));
    if hidden > 0 {
        lines.push(format!("… and {hidden} more"));
    }
    lines.append(&mut footer);
    lines.truncate(height);
    lines.iter().map(|line| fit(line, width).trim_end().to_owned() + "\n").collect()
}

type Row = (ObjectName, Arc<SourceActivity>);

/// The rows for which there is room, the interesting ones first when there is too little, and how many are left out.
fn choose(rows: &[Row], room: usize) -> (Vec<&Row>, usize) {
    if rows.len() <= room {
        return (rows.iter().collect(), 0);
    }
    let mut chosen: Vec<_> = rows.iter().collect();
    chosen.sort_by_key(|(_, activity)| match activity.state {
        State::Failing | State::Stalled => 0,
        State::Fetching | State::Packaging | State::Storing | State::Publishing => 1,
        State::Queued | State::Ready | State::Suspended => 2,
    });
    chosen.truncate(room.saturating_sub(1));
    let hidden = rows.len() - chosen.len();
    (chosen, hidden)
}

fn table(rows: &[&Row], width: usize, now: Timestamp) -> Vec<String> {
    let cells: Vec<_> = rows.iter().map(|(name, activity)| cells(name, activity, now)).collect();
    let widths = column_widths(&cells, width);
    let taken: usize = widths.iter().flatten().map(|width| width + GAP).sum();
    let rest = width.saturating_sub(taken);
    let line = |cells: [&str; 6], detail: &str| {
        let columns = cells.iter().zip(&widths).filter_map(|(cell, width)| Some((cell, (*width)?)));
        columns.map(|(cell, width)| fit(cell, width + GAP)).collect::<String>() + detail
    };
    let mut lines = vec![line(COLUMNS.map(|(title, _)| title), "")];
    for ((_, activity), cells) in rows.iter().zip(&cells) {
        let cells = [0, 1, 2, 3, 4, 5].map(|i| cells[i].as_str());
        lines.push(line(cells, &detail(activity, rest)));
    }
    lines
}

fn cells(name: &ObjectName, activity: &SourceActivity, now: Timestamp) -> [String; 6] {
    [
        name.to_string(),
        state(activity.state).to_owned(),
        activity.last_fetch.map(|then| ago(then, now)).unwrap_or_default(),
        activity.revision.as_deref().map(short_revision).unwrap_or_default(),
        activity.size.map(bytes).unwrap_or_default(),
        activity.next_run.map(|then| until(then, now)).unwrap_or_default(),
    ]
}

/// Widths of the columns; `None` for those that had to give way to the last one.
fn column_widths(cells: &[[String; 6]], total: usize) -> [Option<usize>; 6] {
    let mut widths = [0, 1, 2, 3, 4, 5].map(|i: usize| {
        let widest = cells.iter().map(|cells| width(&cells[i])).max().unwrap_or_default();
        Some(widest.max(width(COLUMNS[i].0)).min(MAX_NAME))
    });
    let mut order: Vec<usize> = (2..COLUMNS.len()).collect();
    order.sort_by_key(|&i| COLUMNS[i].1);
    for i in order {
        let taken: usize = widths.iter().flatten().map(|width| width + GAP).sum();
        if taken + MIN_DETAIL <= total {
            break;
        }
        widths[i] = None;
    }
    widths
}

/// The last column: how far a download is, or what went wrong.
fn detail(activity: &SourceActivity, width: usize) -> String {
    match (&activity.progress, &activity.error) {
        (Some(progress), _) => {
            let (received, total) = progress.get();
            bar(received, total, width)
        }
        (None, Some(error)) => fit(error, width),
        (None, None) => String::new(),
    }
}

fn bar(received: u64, total: Option<u64>, width: usize) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return fit(&bytes(received), width) };
    let share = (received as f64 / total as f64).clamp(0.0, 1.0);
    let text = format!("{:3.0} % {} of {}", (share * 100.0).floor(), bytes(received), bytes(total));
    let room = width.saturating_sub(text.len() + 3).min(30);
    if room < 5 {
        return fit(&text, width);
    }
    // Not negative, and at most `room`.
    #[allow(clippy::cast_sign_loss)]
    let full = (share * room as f64) as usize;
    format!("[{}{}] {text}", "#".repeat(full), "-".repeat(room - full))
}

fn summary(rows: &[Row]) -> String {
    let count = |wanted: &[State]| rows.iter().filter(|(_, activity)| wanted.contains(&activity.state)).count();
    let failing = count(&[State::Failing, State::Stalled]);
    let failing = if failing > 0 { format!(", {failing} failing") } else { String::new() };
    let noun = if rows.len() == 1 { "source" } else { "sources" };
    format!("{} {noun}, {} ready{failing} (Ctrl-C ends)", rows.len(), count(&[State::Ready]))
}

fn problem_lines(problems: &[Problem], room: usize) -> Vec<String> {
    let shown = problems.len().min(MAX_PROBLEMS).min(room);
    let mut lines: Vec<_> = problems.iter().take(shown).map(|problem| plain(&format!("! {problem}"))).collect();
    if problems.len() > shown && shown > 0 {
        lines.push(format!("! … and {} more problems", problems.len() - shown));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::Progress;

    fn now() -> Timestamp {
        Timestamp::from_second(1000).unwrap()
    }

    fn ready(name: &str) -> Row {
        let activity = SourceActivity {
            state: State::Ready,
            revision: Some("latest@sha256:0123456789abcdef0123".into()),
            size: Some(1234),
            last_fetch: Timestamp::from_second(995).ok(),
            next_run: Timestamp::from_second(1025).ok(),
            ..SourceActivity::default()
        };
        (ObjectName::new("default", name), Arc::new(activity))
    }

    fn failing(name: &str, error: &str) -> Row {
        let activity = SourceActivity { state: State::Failing, error: Some(error.into()), ..SourceActivity::default() };
        (ObjectName::new("default", name), Arc::new(activity))
    }

    fn fetching(name: &str, received: u64, total: u64) -> Row {
        let progress = Progress::default();
        progress.expect(total);
        progress.advance(received);
        let activity =
            SourceActivity { state: State::Fetching, progress: Some(Arc::new(progress)), ..SourceActivity::default() };
        (ObjectName::new("default", name), Arc::new(activity))
    }

    fn draw(rows: &[Row], problems: &[Problem], width: u16, height: u16) -> String {
        render(&Screen { rows, problems }, width, height, now())
    }

    #[test]
    fn a_wide_terminal_shows_everything() {
        let rows = [ready("app"), failing("broken", "404 Not Found"), fetching("chart", 5_000_000, 10_000_000)];
        let expected = "\
3 sources, 1 ready, 1 failing (Ctrl-C ends)
NAME            STATE     FETCHED  REVISION      SIZE    NEXT RUN
default/app     Ready     5s ago   0123456789ab  1.2 kB  in 25s
default/broken  Failing                                            404 Not Found
default/chart   Fetching                                           [###############---------------]  50 % 5.0 MB of 10.0 MB
";
        assert_eq!(draw(&rows, &[], 130, 24), expected);
    }

    #[test]
    fn a_narrow_terminal_loses_columns_before_the_error() {
        let rows = [ready("app"), failing("broken", "origin answered 404 Not Found")];
        let expected = "\
2 sources, 1 ready, 1 failing (Ctrl-C ends)
NAME            STATE    NEXT RUN
default/app     Ready    in 25s
default/broken  Failing            origin answered 404 Not …
";
        assert_eq!(draw(&rows, &[], 60, 24), expected);
    }

    #[test]
    fn a_low_terminal_shows_what_needs_attention() {
        let mut rows: Vec<_> = (0..20).map(|i| ready(&format!("a{i:02}"))).collect();
        rows.push(failing("z", "no"));
        let text = draw(&rows, &[], 120, 6);
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(text.contains("default/z") && text.contains("default/a00"), "{text}");
        assert!(text.ends_with("… and 18 more\n"), "{text}");
    }

    #[test]
    fn problems_of_manifests_stand_below_the_table() {
        let problem = Problem { file: Some("a.yaml".into()), line: Some(2), message: "is no YAML\nat all".into() };
        let text = draw(&[ready("app")], &[problem], 80, 24);
        assert!(text.ends_with("! a.yaml:2: is no YAML at all\n"), "{text}");
    }

    #[test]
    fn nothing_ever_exceeds_the_terminal() {
        let long = "é日\x1b[31m".repeat(50);
        let rows = [ready(&"n".repeat(200)), failing("b", &long), fetching("c", 7, 0), fetching("d", 9, 3)];
        let problems = vec![Problem { file: None, line: None, message: long.clone() }; 9];
        for columns in [0, 1, 2, 10, 25, 40, 80, 200] {
            for height in [0, 1, 2, 3, 5, 10, 50] {
                let text = draw(&rows, &problems, columns, height);
                assert!(text.lines().count() <= usize::from(height), "{columns}x{height}: {text}");
                assert!(text.lines().all(|line| width(line) <= usize::from(columns)), "{columns}x{height}: {text}");
                assert!(!text.contains('\x1b'), "{text:?}");
            }
        }
    }

    #[test]
    fn a_download_of_unknown_size_shows_what_came() {
        let text = draw(&[fetching("c", 2_500_000, 0)], &[], 100, 10);
        assert!(text.ends_with("2.5 MB\n") && !text.contains('%'), "{text}");
    }
}
