//! Working without a cluster: the catalog over a folder of manifests, the view of what happens, and a small origin to
//! try things against.

mod catalog;
mod files;
mod folder;
mod manifest;
pub mod origin;
mod store;
mod view;

#[cfg(test)]
mod tests;

pub use catalog::{LocalCatalog, OpenError};
pub use files::Problem;
pub use view::{Output, hides_stderr, show};
