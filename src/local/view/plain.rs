//! Lines for pipes and logs: one for each change of what a source has come to, nothing for steps on the way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::text::plain;
use crate::activity::{SourceActivity, State};
use crate::api::ObjectName;
use crate::local::Problem;

/// What was told last.
#[derive(Debug, Default)]
pub struct Lines {
    told: BTreeMap<ObjectName, String>,
    problems: Vec<Problem>,
}

impl Lines {
    /// Lines for what differs from what was told last, each with its line break.
    pub fn changes(&mut self, rows: &[(ObjectName, Arc<SourceActivity>)], problems: &[Problem]) -> String {
        let mut lines = String::new();
        for problem in problems.iter().filter(|problem| !self.problems.contains(problem)) {
            add(&mut lines, &problem.to_string());
        }
        self.problems = problems.to_vec();
        for (name, activity) in rows {
            if let Some(outcome) = outcome(activity)
                && self.told.get(name) != Some(&outcome)
            {
                add(&mut lines, &format!("{name} {outcome}"));
                self.told.insert(name.clone(), outcome);
            }
        }
        let exists = |name: &ObjectName| rows.iter().any(|(row, _)| row == name);
        let gone: Vec<_> = self.told.keys().filter(|name| !exists(name)).cloned().collect();
        for name in gone {
            add(&mut lines, &format!("{name} removed"));
            self.told.remove(&name);
        }
        lines
    }
}

fn add(lines: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(lines, "{}", plain(line));
}

/// What the source has come to; `None` while it is on its way.
fn outcome(activity: &SourceActivity) -> Option<String> {
    let error = activity.error.as_deref().unwrap_or("unknown error");
    match activity.state {
        State::Ready => {
            let part = |text: &Option<String>| text.as_deref().map(|text| format!(" {text}")).unwrap_or_default();
            Some(format!("ready{}{}", part(&activity.revision), part(&activity.url)))
        }
        State::Failing => Some(format!("failing: {error}")),
        State::Stalled => Some(format!("stalled: {error}")),
        State::Suspended => Some("suspended".into()),
        State::Queued | State::Hooks | State::Fetching | State::Packaging | State::Storing | State::Publishing => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, state: State, error: Option<&str>) -> (ObjectName, Arc<SourceActivity>) {
        let activity = SourceActivity {
            state,
            revision: Some("latest@sha256:ab".into()),
            url: Some("http://x/a.tar.gz".into()),
            error: error.map(Into::into),
            ..SourceActivity::default()
        };
        (ObjectName::new("default", name), Arc::new(activity))
    }

    #[test]
    fn each_outcome_is_told_once() {
        let mut lines = Lines::default();
        let mut told = |rows: &[_]| lines.changes(rows, &[]);
        assert_eq!(told(&[row("a", State::Queued, None)]), "");
        assert_eq!(told(&[row("a", State::Ready, None)]), "default/a ready latest@sha256:ab http://x/a.tar.gz\n");
        assert_eq!(told(&[row("a", State::Fetching, None)]), "");
        assert_eq!(told(&[row("a", State::Ready, None)]), "");
        assert_eq!(told(&[row("a", State::Failing, Some("404\nNot Found"))]), "default/a failing: 404 Not Found\n");
        assert_eq!(told(&[row("a", State::Failing, Some("500"))]), "default/a failing: 500\n");
        assert_eq!(told(&[row("a", State::Stalled, Some("bad"))]), "default/a stalled: bad\n");
        assert_eq!(told(&[row("a", State::Suspended, None)]), "default/a suspended\n");
        assert_eq!(told(&[]), "default/a removed\n");
        assert_eq!(told(&[]), "");
    }

    #[test]
    fn problems_are_told_once_and_without_control_characters() {
        let problem = |message: &str| Problem { file: Some("a.yaml".into()), line: Some(3), message: message.into() };
        let mut lines = Lines::default();
        assert_eq!(lines.changes(&[], &[problem("x\x1b[2J")]), "a.yaml:3: x [2J\n");
        assert_eq!(lines.changes(&[], &[problem("x\x1b[2J"), problem("y")]), "a.yaml:3: y\n");
        assert_eq!(lines.changes(&[], &[]), "");
    }
}
