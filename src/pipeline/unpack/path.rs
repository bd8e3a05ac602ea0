//! Which paths may stand in an artifact, and which entries of an archive end up there. Consumers unpack what we
//! write, so every path stays relative and means the same on every system.

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

/// Which entries are taken, and where they go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection<'a> {
    /// Number of leading segments to take off.
    pub strip: usize,
    /// Only entries below this path are taken; it is taken off, too.
    pub below: Option<&'a str>,
    /// Everything goes below this path.
    pub root: Option<&'a str>,
}

impl Selection<'_> {
    /// The path in the artifact of the entry `name`, `None` when it is not taken. Names that could leave the folder
    /// are refused wherever they are; the other rules are for what is taken.
    pub fn place(&self, name: &[u8]) -> Result<Option<String>, PathProblem> {
        refuse_escape(name)?;
        let Some(rest) = strip_segments(name, self.strip) else { return Ok(None) };
        let mut segments = rest.split(|byte| *byte == b'/').filter(|segment| !matches!(segment, [] | [b'.']));
        for wanted in self.below.into_iter().flat_map(|below| below.split('/')) {
            if segments.next() != Some(wanted.as_bytes()) {
                return Ok(None);
            }
        }
        let Some(first) = segments.next() else { return Ok(None) };
        let mut path = String::from(self.root.unwrap_or_default());
        for segment in std::iter::once(first).chain(segments) {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(std::str::from_utf8(segment).map_err(|_| PathProblem::NotUtf8)?);
        }
        check(&path).map(|()| Some(path))
    }
}

fn refuse_escape(name: &[u8]) -> Result<(), PathProblem> {
    if name.first() == Some(&b'/') {
        return Err(PathProblem::Absolute);
    }
    if name.split(|byte| *byte == b'/').any(|segment| segment == b"..") {
        return Err(PathProblem::Parent);
    }
    Ok(())
}

/// What `tar --strip-components` leaves of a name: `./` counts as a segment there, repeated slashes as one.
fn strip_segments(name: &[u8], count: usize) -> Option<&[u8]> {
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|byte| *byte == b'/')?;
        rest = &rest[slash..];
        rest = &rest[rest.iter().take_while(|byte| **byte == b'/').count()..];
    }
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(strip: usize, below: Option<&str>, root: Option<&str>, name: &str) -> Result<Option<String>, PathProblem> {
        Selection { strip, below, root }.place(name.as_bytes())
    }

    #[test]
    fn strips_segments_as_tar_does() {
        for (strip, name, expected) in [
            (0, "a/b", Some("a/b")),
            (0, "./a/b", Some("a/b")),
            (0, "a//b/./c", Some("a/b/c")),
            (1, "a/b", Some("b")),
            (1, "a//b", Some("b")),
            (1, "./a/b", Some("a/b")),
            (2, "./a/b", Some("b")),
            (1, "a", None),
            (1, "a/", None),
            (2, "a/b", None),
            (0, "./", None),
            (32, "a/b", None),
        ] {
            assert_eq!(place(strip, None, None, name), Ok(expected.map(String::from)), "{strip} {name}");
        }
    }

    #[test]
    fn takes_only_what_is_below_the_path_and_puts_it_below_the_root() {
        for (below, root, name, expected) in [
            (Some("x"), None, "x/a", Some("a")),
            (Some("x"), None, "x", None),
            (Some("x"), None, "xy/a", None),
            (Some("x/y"), Some("r"), "./x/y/z", Some("r/z")),
            (Some("x/y"), None, "x/z/y", None),
            (None, Some("r/s"), "a", Some("r/s/a")),
        ] {
            assert_eq!(place(0, below, root, name), Ok(expected.map(String::from)), "{below:?} {root:?} {name}");
        }
    }

    #[test]
    fn escapes_are_refused_even_where_nothing_is_taken() {
        for (name, problem) in [
            ("/a", PathProblem::Absolute),
            ("../a", PathProblem::Parent),
            ("a/../b", PathProblem::Parent),
            ("a/..", PathProblem::Parent),
        ] {
            assert_eq!(place(9, Some("z"), None, name), Err(problem), "{name}");
        }
        assert_eq!(place(0, Some("z"), None, "a\\..\\b"), Ok(None));
        assert_eq!(place(0, None, None, "a\\..\\b"), Err(PathProblem::Backslash));
    }

    #[test]
    fn user_written_paths_may_have_a_dot_before_and_a_slash_after() {
        for (path, expected) in [
            ("", Ok(None)),
            (".", Ok(None)),
            ("./", Ok(None)),
            ("./a", Ok(Some("a"))),
            ("././a/", Ok(Some("a"))),
            ("a/b.yaml", Ok(Some("a/b.yaml"))),
            ("..a/b..", Ok(Some("..a/b.."))),
            ("/", Err(PathProblem::Absolute)),
            (".//a", Err(PathProblem::Absolute)),
            ("a//", Err(PathProblem::EmptySegment)),
            ("a//b", Err(PathProblem::EmptySegment)),
            ("a/./b", Err(PathProblem::Current)),
            ("..", Err(PathProblem::Parent)),
            ("a/..", Err(PathProblem::Parent)),
            ("a\\b", Err(PathProblem::Backslash)),
            ("a\nb", Err(PathProblem::Control)),
            ("a\u{0}", Err(PathProblem::Control)),
            ("a\u{7f}", Err(PathProblem::Control)),
        ] {
            assert_eq!(written(path), expected, "{path:?}");
        }
        assert_eq!(written(&"a".repeat(256)), Err(PathProblem::SegmentTooLong));
        assert_eq!(written(&"a/".repeat(65)), Err(PathProblem::TooDeep));
        assert_eq!(written(&"abcdefg/".repeat(129)), Err(PathProblem::TooLong));
        assert!(written(&format!("{0}/{0}", "a".repeat(255))).is_ok());
    }
}
