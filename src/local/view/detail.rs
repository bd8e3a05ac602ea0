//! What is told about a source in words: how far its download is, or what went wrong.

use super::text::{bytes, fit, width, wrap};
use crate::activity::SourceActivity;

/// How far details below a row are indented.
const INDENT: &str = "  ";

/// The most that a bar takes.
const MAX_BAR: usize = 30;

/// The detail in one line of at most `room` columns; `None` when it is `whole` that is wanted and it does not fit.
pub fn beside(activity: &SourceActivity, room: usize, whole: bool) -> Option<String> {
    match (&activity.progress, &activity.error) {
        (Some(progress), _) => {
            let (received, total) = progress.get();
            let text = progress_text(received, total);
            if whole && width(&text) > room {
                return None;
            }
            Some(bar(received, total, room))
        }
        (None, Some(error)) if whole && width(error) > room => None,
        (None, Some(error)) => Some(fit(error, room)),
        (None, None) => Some(String::new()),
    }
}

/// The detail in up to `lines` lines of at most `room` columns.
pub fn below(activity: &SourceActivity, room: usize, lines: usize) -> Vec<String> {
    match (&activity.progress, &activity.error) {
        (Some(progress), _) => {
            let (received, total) = progress.get();
            vec![format!("{INDENT}{}", bar(received, total, room.saturating_sub(INDENT.len())))]
        }
        (None, Some(error)) => wrap(&format!("{INDENT}{error}"), room, lines, INDENT),
        (None, None) => Vec::new(),
    }
}

fn progress_text(received: u64, total: Option<u64>) -> String {
    match total.filter(|total| *total > 0) {
        Some(total) => {
            format!("{:3.0} % {} of {}", (share(received, total) * 100.0).floor(), bytes(received), bytes(total))
        }
        None => bytes(received),
    }
}

fn share(received: u64, total: u64) -> f64 {
    (received as f64 / total as f64).clamp(0.0, 1.0)
}

fn bar(received: u64, total: Option<u64>, room: usize) -> String {
    let text = progress_text(received, total);
    let length = room.saturating_sub(text.len() + 3).min(MAX_BAR);
    let Some(total) = total.filter(|total| *total > 0 && length >= 5) else { return fit(&text, room) };
    // Not negative, and at most `length`.
    #[allow(clippy::cast_sign_loss)]
    let full = (share(received, total) * length as f64) as usize;
    format!("[{}{}] {text}", "#".repeat(full), "-".repeat(length - full))
}
