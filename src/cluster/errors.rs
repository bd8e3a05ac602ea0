//! What the API server's answers mean to us, and how errors are told without giving anything away.

use kube::core::Status;

use crate::catalog::CatalogError;

/// Longest part of somebody else's text that goes into a message: it may be a whole page of a proxy.
const MAX_TEXT: usize = 512;

/// The error of an attempt to `action`, for calls without a rule of their own.
pub(super) fn classify(action: &'static str, error: &kube::Error) -> CatalogError {
    let message = describe(error);
    match status_of(error) {
        Some(status) if is_crd_missing(status) => CatalogError::Refused {
            action,
            message: "the API server does not serve this kind; is its CRD installed?".into(),
        },
        Some(status) if status.code == 404 => CatalogError::Gone,
        // Unauthorized may be a token about to be rotated; timeouts, conflicts and throttling pass.
        Some(status) if matches!(status.code, 401 | 408 | 409 | 410 | 429) => {
            CatalogError::Unavailable { action, message }
        }
        Some(status) if (400..500).contains(&status.code) => CatalogError::Refused { action, message },
        _ => CatalogError::Unavailable { action, message },
    }
}

/// What the API server answered, when it did.
pub(super) fn status_of(error: &kube::Error) -> Option<&Status> {
    match error {
        kube::Error::Api(status) => Some(status),
        _ => None,
    }
}

/// The status code of the API server's answer; 0 when there was none.
pub(super) fn code_of(error: &kube::Error) -> u16 {
    status_of(error).map_or(0, |status| status.code)
}

/// Whether the path itself is unknown, rather than an object below it: such answers carry no details.
fn is_crd_missing(status: &Status) -> bool {
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

/// The error with its causes, on one line. Texts that may quote credentials or bodies are left out: the output of
/// credential plugins, and what a parser stumbled over.
pub(super) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => format!("status {} {}", status.code, status.reason),
        kube::Error::Api(status) => shorten(&status.message),
        kube::Error::Auth(_) => "the credentials could not be obtained; check the kubeconfig's user".into(),
        kube::Error::SerdeError(_) => "the API server's answer could not be read".into(),
        kube::Error::Service(error) => with_causes(&**error),
        other => with_causes(other),
    }
}

/// The error and its causes; a cause that the text before it already ends with is not repeated.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    shorten(&text)
}

/// The first line's worth of `text`.
pub(super) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A deserializer's message without the values that it quotes: they may be URLs with credentials.
pub(super) fn without_quotes(text: &str) -> String {
    match (text.find('"'), text.rfind('"')) {
        (Some(start), Some(end)) if start < end => shorten(&format!("{}…{}", &text[..=start], &text[end..])),
        _ => shorten(text),
    }
}

/// An action that took longer than it may.
pub(super) fn timed_out(action: &'static str, limit: std::time::Duration) -> CatalogError {
    let message = format!("the API server did not answer within {} ms", limit.as_millis());
    CatalogError::Unavailable { action, message }
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;

    use super::*;

    fn api_error(code: u16, name: &str) -> kube::Error {
        let details: StatusDetails = serde_json::from_value(serde_json::json!({ "name": name })).unwrap();
        kube::Error::Api(Box::new(Status { code, message: "why".into(), details: Some(details), ..Status::default() }))
    }

    #[test]
    fn answers_are_sorted_by_what_would_help() {
        let class = |code, name| match classify("test", &api_error(code, name)) {
            CatalogError::Gone => "gone",
            CatalogError::Refused { .. } => "refused",
            CatalogError::Unavailable { .. } => "unavailable",
            _ => "other",
        };
        let table = [
            (400, "refused"),
            (401, "unavailable"),
            (403, "refused"),
            (404, "gone"),
            (408, "unavailable"),
            (409, "unavailable"),
            (413, "refused"),
            (422, "refused"),
            (429, "unavailable"),
            (500, "unavailable"),
            (503, "unavailable"),
            (504, "unavailable"),
        ];
        for (code, expected) in table {
            assert_eq!(class(code, "a"), expected, "{code}");
        }
        assert_eq!(class(404, ""), "refused", "an unknown path means a missing CRD");
    }

    #[test]
    fn what_a_parser_stumbled_over_is_not_repeated() {
        let error = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert!(!describe(&kube::Error::SerdeError(error)).contains("hunter2"));
        let text = "invalid type: string \"https://u:p@h\", expected i64";
        assert_eq!(without_quotes(text), "invalid type: string \"…\", expected i64");
        assert_eq!(without_quotes("missing field `url`"), "missing field `url`");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten(&"é".repeat(2000)).chars().count(), MAX_TEXT + 1);
        assert_eq!(shorten("a\n  b"), "a b");
    }
}
