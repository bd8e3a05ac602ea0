//! Deserializers that never make an object unreadable: one object that cannot be read must not hide the others.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An empty string counts as absent: the Go implementation treats them alike, and templates render either.
pub fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// A part of the status that cannot be read counts as absent, and the next write of the status replaces it.
pub fn or_absent<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// The conditions that can be read.
pub fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Condition>, D::Error> {
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    let mut conditions: Vec<_> = items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
    // There is room for four otherwise, and nearly every object has one.
    conditions.shrink_to_fit();
    Ok(conditions)
}
