//! One JSON object a line with the keys of Flux's controllers: `ts`, `level`, `msg`, `logger`, then the fields of
//! the spans from the outermost on and those of the event, flattened; of two with the same name the inner one counts.
//! The object that a line is about is in the fields `namespace` and `name`, as theirs have it.

use std::fmt;
use std::io::Write as _;

use k8s_openapi::jiff::Timestamp;
use serde::Serializer as _;
use serde::ser::SerializeMap as _;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

/// The keys that every line has; a field of one of these names gets an underscore.
const RESERVED: [&str; 4] = ["ts", "level", "msg", "logger"];

/// Writes events as lines of JSON.
pub(super) struct JsonLines<W> {
    writer: W,
}

impl<W> JsonLines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer }
    }
}

/// Fields in the order of their first appearance. There are few: searching the list is cheaper than a map.
#[derive(Default, Clone)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let position = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(position).1)
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                outer.0.iter().for_each(|(name, value)| fields.set(name, value.clone()));
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        if let Ok(mut line) = line(Timestamp::now(), *metadata.level(), metadata.target(), fields) {
            line.push(b'\n');
            // One write a line, so that lines of several threads do not mix. Nobody can be told that logging failed.
            let _ = self.writer.make_writer_for(metadata).write_all(&line);
        }
    }
}

fn line(at: Timestamp, level: Level, target: &str, mut fields: Fields) -> serde_json::Result<Vec<u8>> {
    let message = fields.take("message").unwrap_or_default();
    // Records that come from the `log` crate carry their origin as fields.
    let logger = fields.take("log.target");
    fields.0.retain(|(name, _)| !name.starts_with("log."));
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("ts", &format_args!("{at:.3}"))?;
    map.serialize_entry("level", level_name(level))?;
    map.serialize_entry("msg", message.as_str().unwrap_or_default())?;
    map.serialize_entry("logger", logger.as_ref().and_then(Value::as_str).unwrap_or(target))?;
    for (name, value) in &fields.0 {
        if RESERVED.contains(name) {
            map.serialize_entry(&format_args!("{name}_"), value)?;
        } else {
            map.serialize_entry(name, value)?;
        }
    }
    map.end()?;
    Ok(line)
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
