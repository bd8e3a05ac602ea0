//! Series of single objects, written anew at every scrape from what exists then, so that those of deleted objects
//! are gone at once. Names and labels are those of Flux's controllers and of the Go implementation.

use std::fmt::Write as _;

use metrics_exporter_prometheus::formatting::{sanitize_label_value, write_help_line, write_type_line};

use crate::activity::{Activities, SourceActivity, State};
use crate::api::ObjectName;

/// Appends the series of all sources to `text`.
pub(super) fn render(text: &mut String, activities: &Activities) {
    let sources: Vec<_> = activities.all().iter().map(|(name, source)| Series::of(name, source)).collect();
    head(text, "gotk_reconcile_condition", "gauge", "The Ready condition of an object.");
    for source in &sources {
        let is = source.ready;
        for (status, applies) in [("True", is == Some(true)), ("False", is == Some(false)), ("Unknown", is.is_none())] {
            let value = u8::from(applies);
            line(
                text,
                "gotk_reconcile_condition",
                source,
                &format!("type=\"Ready\",status=\"{status}\""),
                value.into(),
            );
        }
    }
    head(text, "gotk_suspend_status", "gauge", "Whether an object is suspended.");
    for source in &sources {
        line(text, "gotk_suspend_status", source, "", source.suspended.into());
    }
    head(text, "externalsource_reconciliation_total", "counter", "Runs of a source that ended.");
    for source in &sources {
        for (success, runs) in [("true", source.succeeded), ("false", source.failed)] {
            let labels = format!("source_type=\"{}\",success=\"{success}\"", source.kind);
            line(text, "externalsource_reconciliation_total", source, &labels, runs);
        }
    }
}

/// What the series of one source are made of.
struct Series {
    /// `namespace="..",name=".."`.
    labels: String,
    kind: String,
    ready: Option<bool>,
    suspended: bool,
    succeeded: u64,
    failed: u64,
}

impl Series {
    fn of(name: &ObjectName, source: &SourceActivity) -> Self {
        let (namespace, name) = (sanitize_label_value(&name.namespace), sanitize_label_value(&name.name));
        Self {
            labels: format!("namespace=\"{namespace}\",name=\"{name}\""),
            kind: sanitize_label_value(&source.kind),
            ready: source.ready,
            suspended: source.state == State::Suspended,
            succeeded: source.runs_succeeded,
            failed: source.runs_failed,
        }
    }
}

fn head(text: &mut String, family: &str, type_: &str, help: &str) {
    write_help_line(text, family, None, None, help);
    write_type_line(text, family, None, None, type_);
}

fn line(text: &mut String, family: &str, source: &Series, more: &str, value: u64) {
    // Flux's own families say which kind of object a name belongs to.
    let kind = if family.starts_with("gotk_") { "kind=\"ExternalSource\"," } else { "" };
    let separator = if more.is_empty() { "" } else { "," };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{family}{{{kind}{}{separator}{more}}} {value}", source.labels);
}
