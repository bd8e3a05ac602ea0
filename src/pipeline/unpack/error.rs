//! Why an answer could not be unpacked. What is wrong with the archive is the origin's doing and refused; only
//! [`UnpackError::Io`] is about this machine.

use std::io;

use super::path::PathProblem;

/// Longest entry name in a message, in characters.
const SHOWN: usize = 128;

/// Why an answer could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The answer is something else.
    #[error("the answer is no {0} archive")]
    NotAnArchive(&'static str),
    /// A checksum or a structure does not hold.
    #[error("the {0} archive is broken: {1}")]
    Corrupt(&'static str, String),
    /// The archive ends in the middle.
    #[error("the {0} archive is cut off")]
    Truncated(&'static str),
    /// There is something after the archive's end.
    #[error("the {0} archive has other data after its end")]
    TrailingData(&'static str),
    /// A name that must not stand in an artifact.
    #[error("the archive's entry \"{name}\" {problem}")]
    Path {
        /// The entry's name, made printable.
        name: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// A device, a FIFO, a socket or something that only one tool knows.
    #[error("the archive's entry \"{0}\" is neither a file nor a folder nor a link")]
    Special(String),
    /// A file with holes: no two tools agree on how to read all forms of it.
    #[error("the archive's entry \"{0}\" is a sparse file: pack it without --sparse")]
    Sparse(String),
    /// A second entry of the same name.
    #[error("the archive has two files that end up at \"{0}\"")]
    Duplicate(String),
    /// Two names that are one on many file systems.
    #[error("the archive has two files whose paths differ only in case, one of them \"{0}\"")]
    CaseCollision(String),
    /// A path that is both.
    #[error("the archive has both a file and a folder at \"{0}\"")]
    FileAndFolder(String),
    /// An encrypted entry of a zip.
    #[error("the archive's entry \"{0}\" is encrypted")]
    Encrypted(String),
    /// A compression method that is not built in.
    #[error("the archive's entry \"{0}\" is compressed by a method other than deflate")]
    Compression(String),
    /// More entries than the limit.
    #[error("the archive has more than {0} entries")]
    TooManyEntries(u64),
    /// A file larger than the limit.
    #[error("the archive's entry \"{0}\" unpacks to more than {1} bytes")]
    FileTooLarge(String, u64),
    /// All files together are larger than the limit.
    #[error("the archive unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// A decompression bomb.
    #[error("the archive unpacks to more than {0} times its size")]
    Ratio(u64),
    /// The spool cannot be read or written.
    #[error("the answer could not be unpacked: {}", .0.kind())]
    Io(#[from] io::Error),
    /// Nobody waits for the result any more.
    #[error("unpacking was cancelled")]
    Cancelled,
}

/// An entry's name as a message may show it: printable and short.
pub(super) fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let mut shown: String = name.escape_debug().take(SHOWN).collect();
    if name.escape_debug().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
