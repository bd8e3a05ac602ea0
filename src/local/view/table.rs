//! The table: everything that happens, in a text of given width and height.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::columns::{self, Widths};
use super::detail::{below, beside};
use super::text::{fit, plain, wrap};
use crate::activity::{SourceActivity, State};
use crate::api::ObjectName;
use crate::local::Problem;

/// Problems of manifests that are shown; more are counted.
const MAX_PROBLEMS: usize = 4;

/// Lines that one problem of a manifest may take.
const PROBLEM_LINES: usize = 3;

/// Lines that the detail of a source may take below its row: as many as there is room for.
const DETAIL_LINES: [usize; 3] = [3, 2, 1];

/// What the table shows.
#[derive(Debug, Clone, Copy)]
pub struct Screen<'a> {
    /// The sources, sorted by name.
    pub rows: &'a [Row],
    /// What is wrong with the manifests.
    pub problems: &'a [Problem],
    /// Whether it goes on.
    pub live: bool,
}

/// A source and what it does.
pub type Row = (ObjectName, Arc<SourceActivity>);

/// The table in at most `height` lines of at most `width` columns, each with its line break.
pub fn render(screen: &Screen<'_>, width: u16, height: u16, now: Timestamp) -> String {
    let (width, height) = (usize::from(width), usize::from(height));
    let mut footer = problem_lines(screen.problems, width, height / 3);
    footer.truncate(height.saturating_sub(2));
    let room = height.saturating_sub(2 + footer.len());
    let (rows, hidden) = choose(screen.rows, room);

    let mut lines = vec![summary(screen)];
    lines.extend(table(&rows, width, if hidden == 0 { room } else { 0 }, now));
    if hidden > 0 {
        lines.push(format!("… and {hidden} more"));
    }
    lines.append(&mut footer);
    lines.truncate(height);
    lines.iter().map(|line| fit(line.trim_end(), width).trim_end().to_owned() + "\n").collect()
}

/// The rows for which there is room, the interesting ones first when there is too little, and how many are left out.
fn choose(rows: &[Row], room: usize) -> (Vec<&Row>, usize) {
    if rows.len() <= room {
        return (rows.iter().collect(), 0);
    }
    let mut chosen: Vec<_> = rows.iter().collect();
    chosen.sort_by_key(|(_, activity)| match activity.state {
        State::Failing | State::Stalled => 0,
        State::Hooks | State::Fetching | State::Packaging | State::Storing | State::Publishing => 1,
        State::Queued | State::Ready | State::Suspended => 2,
    });
    chosen.truncate(room.saturating_sub(1));
    let hidden = rows.len() - chosen.len();
    (chosen, hidden)
}

/// The heading and the rows. Details (how far a download is, what went wrong) stand beside their rows when all of them
/// fit there, else below them when there is `room` for so many lines, else beside them, cut, and columns give way.
fn table(rows: &[&Row], width: usize, room: usize, now: Timestamp) -> Vec<String> {
    let cells: Vec<_> = rows.iter().map(|(name, activity)| columns::cells(name, activity, now)).collect();
    let whole = Widths::new(&cells, width, 0);
    let fits_beside =
        whole.is_complete() && rows.iter().all(|(_, activity)| beside(activity, whole.rest(width), true).is_some());
    if !fits_beside {
        for lines_each in DETAIL_LINES {
            let details: Vec<_> = rows.iter().map(|(_, activity)| below(activity, width, lines_each)).collect();
            if rows.len() + details.iter().map(Vec::len).sum::<usize>() <= room {
                let rows = cells.iter().zip(details);
                let lines = rows.flat_map(|(cells, below)| std::iter::once(whole.line(cells)).chain(below));
                return std::iter::once(whole.heading()).chain(lines).collect();
            }
        }
    }
    let widths = if fits_beside { whole } else { Widths::new(&cells, width, columns::MIN_DETAIL) };
    let rest = widths.rest(width);
    let lines = rows.iter().zip(&cells).map(|((_, activity), cells)| {
        let detail = beside(activity, rest, false).unwrap_or_default();
        widths.line(cells) + &detail
    });
    std::iter::once(widths.heading()).chain(lines).collect()
}

fn summary(screen: &Screen<'_>) -> String {
    let rows = screen.rows;
    let count = |wanted: &[State]| rows.iter().filter(|(_, activity)| wanted.contains(&activity.state)).count();
    let failing = count(&[State::Failing, State::Stalled]);
    let failing = if failing > 0 { format!(", {failing} failing") } else { String::new() };
    let noun = if rows.len() == 1 { "source" } else { "sources" };
    let hint = if screen.live { " (Ctrl-C ends)" } else { "" };
    format!("{} {noun}, {} ready{failing}{hint}", rows.len(), count(&[State::Ready]))
}

fn problem_lines(problems: &[Problem], width: usize, room: usize) -> Vec<String> {
    let wrapped: Vec<_> =
        problems.iter().flat_map(|problem| wrap(&format!("! {problem}"), width, PROBLEM_LINES, "  ")).collect();
    if problems.len() <= MAX_PROBLEMS && wrapped.len() <= room {
        return wrapped;
    }
    let shown = problems.len().min(MAX_PROBLEMS).min(room);
    let mut lines: Vec<_> = problems.iter().take(shown).map(|problem| plain(&format!("! {problem}"))).collect();
    if problems.len() > shown && shown > 0 {
        lines.push(format!("! … and {} more problems", problems.len() - shown));
    }
    lines
}

#[cfg(test)]
mod tests;
