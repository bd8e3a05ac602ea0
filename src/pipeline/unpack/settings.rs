//! `spec.generator.http.unpack`, checked once: the API server admits any string and any int64.

use super::path::{self, PathProblem};
use crate::api::external_source::Unpack;

/// More than any archive has folders around its content.
const MAX_STRIP: i64 = 32;

/// A field of the spec that cannot work; only an edit can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A path that cannot stand in an artifact.
    #[error("{field} {problem}")]
    Path {
        /// The field, from `spec` on.
        field: &'static str,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// Neither of the two formats.
    #[error("spec.generator.http.unpack.format is none of \"tar.gz\" and \"zip\"")]
    Format,
    /// A count that no archive needs.
    #[error("spec.generator.http.unpack.stripComponents is {0}: expected 0 to 32")]
    Strip(i64),
    /// The default file name cannot stand in an artifact.
    #[error("the file name that the URL ends with {0}: set spec.destinationPath")]
    FileName(PathProblem),
}

/// The formats that can be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tar file, with or without gzip around it: some origins take the gzip off as a content encoding.
    TarGz,
    /// A zip file.
    Zip,
}

/// `spec.generator.http.unpack`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings<'a> {
    pub(super) format: Format,
    pub(super) strip: usize,
    pub(super) below: Option<&'a str>,
}

impl Settings<'static> {
    /// A tar.gz as it is.
    pub const TREE: Self = Self { format: Format::TarGz, strip: 0, below: None };
}

impl<'a> Settings<'a> {
    /// Checks every field.
    pub fn parse(unpack: &'a Unpack) -> Result<Self, SpecError> {
        let format = match unpack.format.as_str() {
            "tar.gz" => Format::TarGz,
            "zip" => Format::Zip,
            _ => return Err(SpecError::Format),
        };
        let strip = unpack.strip_components.unwrap_or(0);
        let strip = match usize::try_from(strip) {
            Ok(count) if strip <= MAX_STRIP => count,
            _ => return Err(SpecError::Strip(strip)),
        };
        let field = "spec.generator.http.unpack.path";
        let below = path::written(unpack.path.as_deref().unwrap_or_default())
            .map_err(|problem| SpecError::Path { field, problem })?;
        Ok(Self { format, strip, below })
    }
}
