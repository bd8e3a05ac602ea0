//! HTTP as bytes: hostile requests are none that a client would send.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::harness::SOON;

/// An answer, taken apart as far as tests look at it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The head, and the body as it came over the wire.
    pub text: String,
}

impl Answer {
    /// What refusals are called for programs.
    pub fn kind(&self) -> String {
        self.json().ok().and_then(|json| Some(json.get("kind")?.as_str()?.to_owned())).unwrap_or_default()
    }

    /// The body, when it is JSON.
    pub fn json(&self) -> Result<Value> {
        let body = self.text.split_once("\r\n\r\n").context("no body")?.1;
        serde_json::from_str(body).with_context(|| self.text.clone())
    }

    /// A field of the body that holds base64.
    pub fn decoded(&self, field: &str) -> Result<String> {
        let json = self.json()?;
        let text = json.get(field).and_then(Value::as_str).with_context(|| self.text.clone())?;
        Ok(String::from_utf8_lossy(&STANDARD.decode(text)?).into_owned())
    }
}

/// Sends bytes and reads until the sidecar closes the connection.
pub async fn ask(socket: &Path, request: &[u8]) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    // One that is refused early may close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut read = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut read)).await.context("no answer")?;
    let text = String::from_utf8_lossy(&read).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.with_context(|| format!("no status: {text:?}"))?, text })
}

/// A request with this head and body, after which the connection closes.
pub fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let is_framed = headers.iter().any(|(name, _)| ["content-length", "transfer-encoding"].contains(name));
    let framing = (!is_framed).then_some(("content-length", length.as_str()));
    let lines = headers.iter().copied().chain(framing).map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{}\r\n", lines.collect::<String>());
    [head.as_bytes(), body].concat()
}

/// `POST /v1/run` with this JSON as its command.
pub fn run(command: &Value, body: &[u8]) -> Vec<u8> {
    let header = STANDARD.encode(command.to_string());
    request("POST /v1/run", &[("te", "trailers"), ("externalsource-command", &header)], body)
}

/// `POST /execute` with this JSON.
pub fn execute(body: &Value) -> Vec<u8> {
    request("POST /execute", &[("content-type", "application/json")], body.to_string().as_bytes())
}
