//! Which entries of an archive end up in an artifact, and where.

pub use crate::api::path::{MAX_PATH, MAX_SEGMENT, PathProblem, check, written};

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
