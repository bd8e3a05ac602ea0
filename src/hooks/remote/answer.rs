//! Reads the sidecar's answers.

use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::unavailable;
use crate::hooks::ExecutorError;
use crate::hooks::engine::verdict;
use crate::hooks::wire::{self, Refusal};
use crate::sandbox::Limit;
use crate::spool::{Spool, Spools};

/// Bytes of an answer that is JSON.
const MAX_JSON: usize = 16 * 1024;

/// Characters of the sidecar's words that are passed on.
const MAX_TEXT: usize = 512;

/// The output of a command, once it is known that it is whole and that the command ended well.
pub(super) async fn output(
    answer: Response<Incoming>,
    spools: &Spools,
    max_output: u64,
) -> Result<Spool, ExecutorError> {
    if answer.status() != StatusCode::OK {
        return Err(refused(answer).await);
    }
    let mut body = answer.into_body();
    let mut writer = spools.writer();
    let mut trailers = HeaderMap::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unavailable(&format_args!("it broke off: {error}")))?;
        match frame.into_data() {
            Ok(data) if writer.len() + data.len() as u64 > max_output => {
                return Err(ExecutorError::Limit(Limit::Stdout));
            }
            Ok(data) => writer.write(&data).await?,
            Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
        }
    }
    let (exit, limit, problem) = wire::end_of(&trailers).ok_or_else(|| unavailable(&"it broke off"))?;
    verdict(exit, limit, problem)?;
    Ok(writer.finish().await?)
}

/// What an answer without output means.
pub(super) async fn refused(answer: Response<Incoming>) -> ExecutorError {
    let status = answer.status();
    let said = json::<Refusal>(answer.into_body()).await.map(|refusal| plain(&refusal.error));
    let text = said.unwrap_or_else(|| format!("it answered {status}"));
    match status {
        StatusCode::BAD_REQUEST => ExecutorError::Invalid(text),
        StatusCode::FORBIDDEN => ExecutorError::NotAllowed(text),
        StatusCode::PAYLOAD_TOO_LARGE => ExecutorError::Limit(Limit::Stdin),
        StatusCode::GATEWAY_TIMEOUT => ExecutorError::Limit(Limit::Time),
        _ => ExecutorError::Unavailable(text),
    }
}

/// The body, when it is this.
pub(super) async fn json<T: DeserializeOwned>(body: Incoming) -> Option<T> {
    let bytes = Limited::new(body, MAX_JSON).collect().await.ok()?.to_bytes();
    serde_json::from_slice(&bytes).ok()
}

/// One line of bounded length.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect()
}
