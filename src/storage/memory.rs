//! The default backend: archives in this process's memory. Nothing survives a restart.

/// Settings of the memory backend.
#[derive(Debug, Clone)]
pub struct MemorySettings {
    /// Total size of all archives in bytes; beyond it storing is refused.
    pub capacity: u64,
    /// What comes before the key in every URL, without a trailing slash.
    pub base_url: String,
}
