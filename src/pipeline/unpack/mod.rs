//! Reads an answer that is an archive, within limits, into a tree of files.

/// Limits of what an archive may unpack to.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Number of entries, of every kind.
    pub entries: u64,
    /// Total size of all files in bytes.
    pub total_size: u64,
    /// Size of one file in bytes.
    pub file_size: u64,
    /// Unpacked bytes per packed byte, over the whole archive.
    pub ratio: u64,
}
