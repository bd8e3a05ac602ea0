//! The columns of the table: what stands in them, and which give way on a narrow terminal.

use k8s_openapi::jiff::Timestamp;

use super::text::{ago, bytes, fit, short_revision, state, until, width};
use crate::activity::SourceActivity;
use crate::api::ObjectName;

/// The detail beside a row has at least this many columns before others give way to it.
pub const MIN_DETAIL: usize = 24;

/// Names may take this many columns ...
const MAX_NAME: usize = 40;

/// ... and keep this many while other columns can be there in their place.
const MIN_NAME: usize = 24;

/// Columns between columns.
const GAP: usize = 2;

/// The columns in order; the second value says in which order they give way on a narrow terminal.
const COLUMNS: [(&str, u8); 6] =
    [("NAME", 9), ("STATE", 8), ("FETCHED", 2), ("REVISION", 3), ("SIZE", 1), ("NEXT RUN", 4)];

/// Texts of one row.
pub type Cells = [String; 6];

/// What stands in the columns.
pub fn cells(name: &ObjectName, activity: &SourceActivity, now: Timestamp) -> Cells {
    [
        name.to_string(),
        state(activity.state).to_owned(),
        activity.last_fetch.map(|then| ago(then, now)).unwrap_or_default(),
        activity.revision.as_deref().map(short_revision).unwrap_or_default(),
        activity.size.map(bytes).unwrap_or_default(),
        activity.next_run.map(|then| until(then, now)).unwrap_or_default(),
    ]
}

/// Widths of the columns; `None` for those that had to give way.
pub struct Widths([Option<usize>; 6]);

impl Widths {
    /// Widths for these rows that leave `detail` of `total` columns free, as far as that is possible.
    pub fn new(cells: &[Cells], total: usize, detail: usize) -> Self {
        let mut widths = Self([0, 1, 2, 3, 4, 5].map(|i: usize| {
            let widest = cells.iter().map(|cells| width(&cells[i])).max().unwrap_or_default();
            Some(widest.max(width(COLUMNS[i].0)).min(MAX_NAME))
        }));
        let mut order: Vec<usize> = (2..COLUMNS.len()).collect();
        order.sort_by_key(|&i| COLUMNS[i].1);
        for i in order {
            widths.shrink_name(total, detail);
            if widths.taken(detail) <= total {
                break;
            }
            widths.0[i] = None;
        }
        widths
    }

    fn shrink_name(&mut self, total: usize, detail: usize) {
        if let Some(name) = self.0[0] {
            let surplus = self.taken(detail).saturating_sub(total);
            self.0[0] = Some(name.saturating_sub(surplus).max(MIN_NAME).min(name));
        }
    }

    /// What the columns and a detail of this width take.
    fn taken(&self, detail: usize) -> usize {
        let columns: usize = self.0.iter().flatten().map(|width| width + GAP).sum();
        if detail == 0 { columns - GAP } else { columns + detail }
    }

    /// Whether no column had to give way.
    pub fn is_complete(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// What is left for a detail beside the columns.
    pub fn rest(&self, total: usize) -> usize {
        total.saturating_sub(self.taken(0) + GAP)
    }

    /// The line with the titles.
    pub fn heading(&self) -> String {
        self.line(&COLUMNS.map(|(title, _)| title.to_owned()))
    }

    /// The line of one row, with the gap after its last column.
    pub fn line(&self, cells: &Cells) -> String {
        let columns = cells.iter().zip(&self.0).filter_map(|(cell, width)| Some((cell, (*width)?)));
        columns.map(|(cell, width)| fit(cell, width) + &" ".repeat(GAP)).collect()
    }
}
