//! Paths: which of them have the shape of an archive's.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The three names in a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub(super) namespace: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) file: Cow<'a, str>,
}

/// The names in `/artifacts/{namespace}/{name}/{file}`, or the same without `/artifacts`. What cannot be decoded names
/// nothing; what is encoded never separates names.
pub(super) fn names(path: &str) -> Option<Names<'_>> {
    let path = path.strip_prefix('/')?;
    let mut parts = path.splitn(5, '/');
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let [namespace, name, file] = match (parts.next(), parts.next()) {
        (None, _) => [first, second, third],
        (Some(fourth), None) if first == "artifacts" => [second, third, fourth],
        _ => return None,
    };
    Some(Names { namespace: decode(namespace)?, name: decode(name)?, file: decode(file)? })
}

fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if segment.is_empty() { None } else { percent_decode_str(segment).decode_utf8().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_names_are_found_with_and_without_what_every_key_begins_with() {
        for path in ["/artifacts/a/b/c", "/a/b/c", "/%61/b/%63", "/artifacts/a/%62/c"] {
            let names = names(path).unwrap();
            assert_eq!([names.namespace, names.name, names.file], ["a", "b", "c"], "{path}");
        }
        let encoded = names("/a%2Fb/c/..%2f").unwrap();
        assert_eq!([encoded.namespace, encoded.name, encoded.file], ["a/b", "c", "../"]);
    }

    #[test]
    fn other_paths_name_nothing() {
        for path in ["", "/", "*", "a/b/c", "/a/b", "/a//c", "/a/b/", "/x/a/b/c", "/artifacts/a/b/c/", "/%ff/b/c"] {
            assert_eq!(names(path), None, "{path}");
        }
    }
}
