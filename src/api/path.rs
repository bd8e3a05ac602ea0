//! Which paths may stand in an artifact. Consumers unpack what we write, so every path stays relative and means the same
//! on every system.

/// Longest path in bytes; Linux's `PATH_MAX` is 4096, and consumers put a directory of theirs in front.
pub const MAX_PATH: usize = 1024;

/// Longest segment in bytes: the limit of every common file system.
pub const MAX_SEGMENT: usize = 255;

/// Deepest nesting: far beyond any source tree, so that one entry cannot make hundreds of directories.
const MAX_DEPTH: usize = 64;

/// What is wrong with a path; reads on after the path's or the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PathProblem {
    #[error("is absolute: expected a relative path")]
    Absolute,
    #[error("has a \"..\" segment")]
    Parent,
    #[error("has a \".\" segment")]
    Current,
    #[error("has an empty segment")]
    EmptySegment,
    #[error("has a backslash")]
    Backslash,
    #[error("has a control character")]
    Control,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is longer than 1024 bytes")]
    TooLong,
    #[error("has a segment longer than 255 bytes")]
    SegmentTooLong,
    #[error("is nested deeper than 64 folders")]
    TooDeep,
}

/// Checks a path as it will stand in the artifact.
pub fn check(path: &str) -> Result<(), PathProblem> {
    if path.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    if path.len() > MAX_PATH {
        return Err(PathProblem::TooLong);
    }
    if path.contains('\\') {
        return Err(PathProblem::Backslash);
    }
    if path.chars().any(char::is_control) {
        return Err(PathProblem::Control);
    }
    let mut depth = 0;
    for segment in path.split('/') {
        match segment {
            "" => return Err(PathProblem::EmptySegment),
            "." => return Err(PathProblem::Current),
            ".." => return Err(PathProblem::Parent),
            _ if segment.len() > MAX_SEGMENT => return Err(PathProblem::SegmentTooLong),
            _ => depth += 1,
        }
    }
    if depth > MAX_DEPTH { Err(PathProblem::TooDeep) } else { Ok(()) }
}

/// A path as a user wrote it in a spec: `./` before it and one `/` after it mean nothing, as in a Kustomization's
/// `path`, and what is empty without them is not set.
pub fn written(path: &str) -> Result<Option<&str>, PathProblem> {
    let mut rest = path;
    while let Some(shorter) = rest.strip_prefix("./") {
        rest = shorter;
    }
    // Only after "./" could this be a slash that leads nowhere, and then it is an empty segment.
    let rest = if rest.len() > 1 { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
    if rest.is_empty() || rest == "." {
        return Ok(None);
    }
    check(rest).map(|()| Some(rest))
}
