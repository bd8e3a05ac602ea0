//! Records of a pax extended header: `"%d %s=%s\n", <length>, <keyword>, <value>`
//! (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03>). The tar library splits
//! them at newlines, which binary values (extended attributes) may contain.

use super::UnpackError;

/// What we read of a record.
pub(super) enum Record<'a> {
    /// The entry's name.
    Path(&'a [u8]),
    /// The entry's size; `None` when it is no number.
    Size(Option<u64>),
    /// One of GNU's three ways to describe a file with holes.
    Sparse,
    /// Times, owners, attributes, comments.
    Other,
}

/// All records of `data`; `None` for one that cannot be read, and nothing after it.
pub(super) fn records(data: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((record, after)) = split(rest) {
            rest = after;
            Some(Some(record))
        } else {
            rest = &[];
            Some(None)
        }
    })
}

/// Refuses a global header that changes what the entries are: nobody writes one, and few readers obey it. Git's says
/// which commit was packed.
pub(super) fn check_global(data: &[u8]) -> Result<(), UnpackError> {
    for record in records(data) {
        if !matches!(record, Some(Record::Other)) {
            return Err(malformed());
        }
    }
    Ok(())
}

pub(super) fn malformed() -> UnpackError {
    UnpackError::Corrupt("tar.gz", "a pax header that cannot be read".to_owned())
}

fn split(data: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = data.iter().position(|byte| *byte == b' ')?;
    let len: usize = std::str::from_utf8(&data[..space]).ok()?.parse().ok()?;
    let (line, rest) = data.split_at_checked(len)?;
    let pair = line.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&pair[..equals], &pair[equals + 1..]);
    let record = match key {
        b"path" => Record::Path(value),
        b"size" => Record::Size(std::str::from_utf8(value).ok().and_then(|size| size.parse().ok())),
        _ if key.starts_with(b"GNU.sparse.") => Record::Sparse,
        _ => Record::Other,
    };
    Some((record, rest))
}
