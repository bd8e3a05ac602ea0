//! What preRequest hooks made, as parts of a request. Errors name the field and show no value: tokens are what such hooks
//! are for.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Uri};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use url::Url;

use super::errors::HttpError;
use super::secrets::{self, MAX_HEADERS};
use crate::api::external_source::HttpGeneratorSpec;
use crate::spool::{Spool, Spools};

/// Largest output that is read as parts of a request, in bytes: it is held in memory. What is sent as it is may be as
/// large as hooks can make it.
const MAX_OUTPUT: u64 = 1 << 20;

/// Longest name that an error shows, in characters.
const MAX_SHOWN: usize = 64;

/// What the request takes from the hooks.
#[derive(Default)]
pub(super) struct Parts {
    /// Instead of those of the same name from anywhere else.
    pub(super) headers: HeaderMap,
    query: Vec<(String, String)>,
    /// The content; never empty.
    pub(super) body: Option<Spool>,
}

/// Whether the output of the hooks goes into the request.
pub(super) fn is_taken(spec: &HttpGeneratorSpec, method: &Method) -> bool {
    spec.from_pre_request == Some(true) || takes_content(method)
}

/// Whether content means something to the method: for GET, HEAD and DELETE it has no defined meaning and may make a
/// server refuse the request (RFC 9110, 9.3.1, 9.3.2 and 9.3.5), for OPTIONS it has no defined use (9.3.7).
fn takes_content(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS | Method::CONNECT | Method::TRACE)
}

/// The parts that `output` says, or is.
pub(super) async fn parts(spec: &HttpGeneratorSpec, method: &Method, output: &Spool) -> Result<Parts, HttpError> {
    if spec.from_pre_request != Some(true) {
        let body = (takes_content(method) && !output.is_empty()).then(|| output.clone());
        return Ok(Parts { body, ..Parts::default() });
    }
    if output.len() > MAX_OUTPUT {
        return Err(wrong(format!("is larger than {MAX_OUTPUT} bytes")));
    }
    let read = output.stream(None).try_collect::<Vec<Bytes>>().await;
    parse(&read.map_err(|error| HttpError::Spool { kind: error.kind() })?.concat(), method)
}

impl Parts {
    /// Appends the parameters to the query of `url`.
    pub(super) fn extend_query(&self, url: &mut Url) -> Result<(), HttpError> {
        if self.query.is_empty() {
            return Ok(());
        }
        url.query_pairs_mut().extend_pairs(&self.query);
        let is_sendable = Uri::try_from(url.as_str()).is_ok();
        if is_sendable { Ok(()) } else { Err(wrong("has a query that makes the URL too long")) }
    }
}

fn parse(output: &[u8], method: &Method) -> Result<Parts, HttpError> {
    let (mut headers, mut query, mut body) = (None, None, None);
    for (name, value) in fields(output).map_err(wrong)? {
        match name.as_str() {
            "headers" => headers = Some(value),
            "query" => query = Some(value),
            "body" => body = Some(value),
            _ => {
                return Err(wrong(format!("has the field {}: expected headers, query and body alone", shown(&name))));
            }
        }
    }
    // Programs write null for what they do not have.
    let there = |value: Option<Box<RawValue>>| value.filter(|value| value.get() != "null");
    let mut parts = Parts::default();
    for (name, values) in lists("headers", there(headers))? {
        append(&mut parts.headers, &name, &values)?;
    }
    for (name, values) in lists("query", there(query))? {
        parts.query.extend(values.into_iter().map(|value| (name.clone(), value)));
    }
    if let Some(value) = there(body) {
        parts.set_body(&value, method)?;
    }
    Ok(parts)
}

impl Parts {
    /// A text is the content as it is; anything else is sent as the JSON that it is.
    fn set_body(&mut self, value: &RawValue, method: &Method) -> Result<(), HttpError> {
        if !takes_content(method) {
            let problem = format!("has a body, which {method} requests do not take: see spec.generator.http.method");
            return Err(wrong(problem));
        }
        let is_text = value.get().starts_with('"');
        let body = if is_text { text(value).ok_or_else(|| wrong("body is no text"))? } else { value.get().to_owned() };
        if !is_text && !self.headers.contains_key(CONTENT_TYPE) {
            self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.body = (!body.is_empty()).then(|| Spools::from_bytes(body));
        Ok(())
    }
}

fn append(headers: &mut HeaderMap, name: &str, values: &[String]) -> Result<(), HttpError> {
    for value in values {
        let place = || format!("headers.{}", shown(name));
        let (name, value) =
            secrets::header(name, value.as_bytes()).map_err(|problem| wrong(format!("{} {problem}", place())))?;
        if headers.len() >= MAX_HEADERS {
            return Err(wrong(format!("has more than {MAX_HEADERS} headers")));
        }
        headers.append(name, value);
    }
    Ok(())
}

/// An object whose values are texts or lists of texts.
fn lists(field: &'static str, value: Option<Box<RawValue>>) -> Result<Vec<(String, Vec<String>)>, HttpError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let entries = fields(value.get().as_bytes()).map_err(|problem| wrong(format!("{field} {problem}")))?;
    let list = |(name, value): (String, Box<RawValue>)| match text(&value) {
        Some(text) => Ok((name, vec![text])),
        None => match serde_json::from_str(value.get()) {
            Ok(texts) => Ok((name, texts)),
            // What it says would show the value.
            Err(_) => Err(wrong(format!("{field}.{} is neither a text nor a list of texts", shown(&name)))),
        },
    };
    entries.into_iter().map(list).collect()
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The entries of an object in their order, with values as they are written.
fn fields(json: &[u8]) -> Result<Vec<(String, Box<RawValue>)>, String> {
    if json.trim_ascii().is_empty() {
        return Err("is empty: expected a JSON object".to_owned());
    }
    let entries = serde_json::from_slice::<Entries>(json).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "is no JSON object".to_owned(),
        _ => format!("is no JSON: line {}, column {}", error.line(), error.column()),
    })?;
    let mut names = BTreeSet::new();
    match entries.0.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(format!("has the field {} twice", shown(name))),
        None => Ok(entries.0),
    }
}

/// A name as an error may show it. Something longer may be a secret that landed in the wrong place.
fn shown(name: &str) -> String {
    let is_name = name.len() <= MAX_SHOWN && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if is_name && !name.is_empty() { name.to_owned() } else { "(odd name)".to_owned() }
}

fn wrong(problem: impl Into<String>) -> HttpError {
    HttpError::PreRequest { problem: problem.into() }
}

struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(output: &str, method: &Method) -> String {
        parse(output.as_bytes(), method).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn wrong_output_is_named_by_field_and_shows_no_value() {
        let long = "x".repeat(65);
        let many = (0..101).map(|i| format!("\"h{i}\":\"c4n4ry\"")).collect::<Vec<_>>().join(",");
        for (output, expected) in [
            ("", "is empty: expected a JSON object"),
            (" \n", "is empty: expected a JSON object"),
            ("c4n4ry", "is no JSON: line 1, column 1"),
            ("{\"headers\":", "is no JSON: line 1, column 11"),
            ("{} c4n4ry", "is no JSON: line 1, column 4"),
            ("\"c4n4ry\"", "is no JSON object"),
            ("[\"c4n4ry\"]", "is no JSON object"),
            ("null", "is no JSON object"),
            (r#"{"access_token":"c4n4ry"}"#, "has the field access_token: expected headers, query and body alone"),
            (&format!(r#"{{"{long}":"c4n4ry"}}"#), "has the field (odd name): expected headers, query and body alone"),
            (r#"{"c4n4ry c4n4ry":1}"#, "has the field (odd name): expected headers, query and body alone"),
            (r#"{"body":"c4n4ry","body":"c4n4ry"}"#, "has the field body twice"),
            (r#"{"headers":"c4n4ry"}"#, "headers is no JSON object"),
            (r#"{"headers":["c4n4ry"]}"#, "headers is no JSON object"),
            (r#"{"headers":{"X-A":"c4n4ry","X-A":"c4n4ry"}}"#, "headers has the field X-A twice"),
            (r#"{"headers":{"X-A":4711}}"#, "headers.X-A is neither a text nor a list of texts"),
            (r#"{"headers":{"X-A":null}}"#, "headers.X-A is neither a text nor a list of texts"),
            (r#"{"headers":{"X-A":["c4n4ry",{}]}}"#, "headers.X-A is neither a text nor a list of texts"),
            (r#"{"headers":{"X-A":"c4n4ry\nc4n4ry"}}"#, "headers.X-A has a value that cannot be a header value"),
            (
                r#"{"headers":{"Content-Length":"1"}}"#,
                "headers.Content-Length names a header that the controller sets itself",
            ),
            (r#"{"headers":{"a b":"c4n4ry"}}"#, "headers.(odd name) is not a valid header name"),
            (&format!("{{\"headers\":{{{many}}}}}"), "has more than 100 headers"),
            (r#"{"query":{"token":{"c4n4ry":1}}}"#, "query.token is neither a text nor a list of texts"),
            (r#"{"query":{"token":"\ud800c4n4ry"}}"#, "query.token is neither a text nor a list of texts"),
            (r#"{"body":"\ud800c4n4ry"}"#, "body is no text"),
        ] {
            let problem = problem(output, &Method::POST);
            assert_eq!(problem, format!("the output of the preRequest hooks cannot be used: {expected}"), "{output}");
            assert!(!problem.contains("c4n4ry"), "{problem}");
        }
        for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
            let problem = problem(r#"{"body":"c4n4ry"}"#, &method);
            assert!(problem.ends_with("see spec.generator.http.method") && !problem.contains("c4n4ry"), "{problem}");
        }
    }

    #[test]
    fn what_is_null_or_empty_is_not_there() {
        for output in ["{}", r#"{"headers":null,"query":null,"body":null}"#, r#"{"headers":{},"query":{"a":[]}}"#] {
            let parts = parse(output.as_bytes(), &Method::GET).unwrap();
            assert!(parts.headers.is_empty() && parts.query.is_empty() && parts.body.is_none(), "{output}");
        }
        assert!(parse(br#"{"body":""}"#, &Method::POST).unwrap().body.is_none());
    }

    #[test]
    fn names_and_values_are_encoded_behind_the_query_that_is_there() {
        let parts = parse(br#"{"query":{"b c":["1","&="],"a":"\u00e9"}}"#, &Method::GET).unwrap();
        let mut url = "https://a.test/x?keep=%20+&&flag".parse().unwrap();
        parts.extend_query(&mut url).unwrap();
        assert_eq!(url.as_str(), "https://a.test/x?keep=%20+&&flag&b+c=1&b+c=%26%3D&a=%C3%A9");
        let long = format!(r#"{{"query":{{"a":"{}"}}}}"#, "c4n4ry".repeat(20_000));
        let error = parse(long.as_bytes(), &Method::GET).unwrap().extend_query(&mut url).unwrap_err();
        assert!(error.to_string().ends_with("has a query that makes the URL too long"));
    }

    #[test]
    fn content_has_a_meaning_for_methods_that_are_not_known_too() {
        for (method, expected) in [("POST", true), ("PUT", true), ("PATCH", true), ("QUERY", true), ("GET", false)] {
            assert_eq!(takes_content(&Method::from_bytes(method.as_bytes()).unwrap()), expected);
        }
    }
}
