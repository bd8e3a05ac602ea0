//! Reads an answer that is an archive, within limits, into a tree of files.

mod collector;
mod error;
mod members;
pub mod path;
mod pax;
mod settings;
mod tar_gz;
mod tree;
mod watch;
mod zip;

use tokio_util::sync::CancellationToken;

pub use error::UnpackError;
pub use settings::{Format, Settings, SpecError};
pub use tree::{Tree, TreeFile};

use crate::spool::{Spool, Spools};

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

/// Reads `body` as `settings` say into a tree below `root`. Blocks; contents go through `spools`.
///
/// Folders without files are left out, and so are symbolic and hard links, as Flux's consumers drop them. In a tar the
/// limits also count files that are not taken, because they have to be unpacked to get past them.
pub fn unpack(
    body: &Spool,
    settings: &Settings<'_>,
    root: Option<&str>,
    spools: &Spools,
    limits: &UnpackLimits,
    cancelled: &CancellationToken,
) -> Result<Tree, UnpackError> {
    let selection = path::Selection { strip: settings.strip, below: settings.below, root };
    let mut collector = collector::Collector::new(selection, limits, body.len(), spools);
    match settings.format {
        Format::TarGz => tar_gz::read(body, limits, &mut collector, cancelled)?,
        Format::Zip => zip::read(body, &mut collector, cancelled)?,
    }
    collector.finish()
}

#[cfg(test)]
mod tests;
