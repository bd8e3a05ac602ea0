//! What ends up in a log line, and which lines there are.

use std::io;
use std::sync::{Arc, Mutex};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tracing::subscriber::with_default;
use tracing::{debug, error, info, info_span, trace, warn};

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(ToOwned::to_owned).collect()
    }
}

fn logged(format: LogFormat, filter: &str, run: impl FnOnce(&LogControl)) -> Vec<String> {
    let sink = Sink::default();
    let writer = sink.clone();
    let (subscriber, control) = subscriber(format, filter, BoxMakeWriter::new(move || writer.clone()), false).unwrap();
    with_default(subscriber, || run(&control));
    sink.lines()
}

fn json_lines(filter: &str, run: impl FnOnce(&LogControl)) -> Vec<Value> {
    logged(LogFormat::Json, filter, run).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_lines_have_flux_fields_and_flattened_spans() {
    let lines = json_lines("info", |_| {
        let span = info_span!(
            "run",
            controller = "externalsource",
            namespace = "team-a",
            name = "outer",
            size = tracing::field::Empty
        );
        span.record("size", 7_u64);
        let _outer = span.entered();
        let _inner = info_span!("stage", name = "config", reconcileID = %"abc").entered();
        warn!(attempt = 3, share = 0.5, done = false, delta = -1, error = %io::Error::other("no"), "fetch failed");
    });
    let ts = lines[0]["ts"].as_str().unwrap();
    assert_eq!((ts.len(), &ts[19..20], &ts[23..]), (24, ".", "Z"), "{ts}");
    ts.parse::<Timestamp>().unwrap();
    let mut line = lines[0].clone();
    line.as_object_mut().unwrap().remove("ts");
    assert_eq!(
        line,
        json!({
            "level": "warn", "msg": "fetch failed", "logger": module_path!(),
            "controller": "externalsource", "namespace": "team-a", "name": "config", "reconcileID": "abc", "size": 7,
            "attempt": 3, "share": 0.5, "done": false, "delta": -1, "error": "no",
        })
    );
}

#[test]
fn json_lines_begin_with_time_level_and_message() {
    let lines = logged(LogFormat::Json, "info", |_| info!(a = 1, "hello"));
    let line = &lines[0];
    assert!(
        line.starts_with("{\"ts\":\"") && line.contains("\",\"level\":\"info\",\"msg\":\"hello\",\"logger\":\""),
        "{line}"
    );
}

#[test]
fn nothing_that_is_logged_can_forge_a_line_or_a_key() {
    let lines = json_lines("info", |_| {
        info!(msg = "mine", level = "mine", ts = 1, text = "a\nb\u{1b}[31m\"}", "one\ntwo");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["msg"], "one\ntwo");
    assert_eq!(lines[0]["level"], "info");
    assert_eq!(lines[0]["msg_"], "mine");
    assert_eq!(lines[0]["text"], "a\nb\u{1b}[31m\"}");
}

#[test]
fn text_lines_carry_the_same_without_control_characters() {
    let lines = logged(LogFormat::Text, "info", |_| {
        let _span = info_span!("run", name = "config").entered();
        info!(attempt = 3, "esc \u{1b}[31m");
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("INFO") && lines[0].contains("config") && lines[0].contains("attempt=3"), "{lines:?}");
    assert!(!lines[0].contains('\u{1b}'));
}

#[test]
fn a_level_keeps_libraries_to_what_matters() {
    let levels = |filter: &str| -> Vec<String> {
        json_lines(filter, |_| {
            trace!("own trace");
            debug!("own debug");
            error!("own error");
            tracing::info!(target: "ractor::actor", "ractor info");
            tracing::warn!(target: "ractor", "ractor warn");
            tracing::debug!(target: "hyper_util::client", "hyper debug");
        })
        .iter()
        .map(|line| line["msg"].as_str().unwrap().to_owned())
        .collect()
    };
    assert_eq!(levels("trace"), ["own trace", "own debug", "own error", "ractor warn"]);
    assert_eq!(levels("debug"), ["own debug", "own error", "ractor warn"]);
    assert_eq!(levels("INFO"), ["own error", "ractor warn"]);
    assert_eq!(levels("error"), ["own error"]);
    assert_eq!(levels("off"), [""; 0]);
    assert_eq!(levels("error,ractor=info"), ["own error", "ractor info", "ractor warn"]);
}

#[test]
fn the_level_changes_while_running() {
    let lines = json_lines("info", |control| {
        debug!("1");
        control.set("debug").unwrap();
        assert!(control.current().contains("debug"), "{}", control.current());
        debug!("2");
        control.set("nonsense=loud").unwrap_err();
        debug!("3");
        control.set("error").unwrap();
        info!("4");
    });
    assert_eq!(lines.iter().map(|line| line["msg"].as_str().unwrap()).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn refuses_what_is_no_filter() {
    for filter in ["", " ", "ractor=loud", "info,="] {
        let error = subscriber(LogFormat::Json, filter, BoxMakeWriter::new(io::sink), false).err().unwrap();
        assert!(matches!(error, LogError::Filter { .. }), "{filter:?}: {error}");
    }
}
