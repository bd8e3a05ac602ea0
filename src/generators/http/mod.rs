//! The `http` generator: one request, whose answer is the data.

mod settings;

pub use settings::{AddressSettings, HttpSettings};
