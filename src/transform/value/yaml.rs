//! Reads and writes YAML. What is written says the same to readers of YAML 1.1 (such as those of Kubernetes) and 1.2.

mod read;
mod write;

pub(in super::super) use read::documents;
pub(in super::super) use write::yaml;
