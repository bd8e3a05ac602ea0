//! Fault points: in builds with the feature `fault-injection` (every test build, no other), an annotation on a source
//! makes an actor panic where the point stands.

use crate::api::ExternalSource;

/// Value: the name of the point that shall panic, and after a colon any text that makes the value new.
#[cfg(feature = "fault-injection")]
pub const ANNOTATION: &str = "fault.source.flux.oddkin.co/panic";

/// Panics here when the source asks for it, once per value of the annotation.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str, source: &ExternalSource) {
    use std::collections::HashSet;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static FIRED: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let annotations = source.metadata.annotations.as_ref();
    let Some(value) = annotations.and_then(|annotations| annotations.get(ANNOTATION)) else { return };
    let uid = source.metadata.uid.as_deref().unwrap_or_default();
    let asked = value.split(':').next() == Some(name);
    let is_due = asked && FIRED.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{uid} {value}"));
    assert!(!is_due, "fault point {name:?} was asked for");
}

/// Nothing: this build has no fault points.
#[cfg(not(feature = "fault-injection"))]
#[inline]
pub fn point(_: &str, _: &ExternalSource) {}
