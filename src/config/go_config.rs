//! The Go implementation's ConfigMap: dotted keys, or one key `config.json` whose nested objects mean the same
//! (<https://github.com/oddkinco/flux-externalsource-controller/blob/main/internal/config/configmap.go>).

use std::collections::BTreeMap;

use serde_json::Value;

const JSON_KEY: &str = "config.json";

/// Keys that the Go implementation reads and this version does not; other unknown keys are probably misspelt.
pub const WITHOUT_MEANING: [&str; 2] = ["hooks.whitelistPath", "transform.memoryLimit"];

/// `config.json` as dotted keys when it is there (the Go implementation then looks at nothing else), `data` otherwise.
pub fn flatten(data: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let Some(json) = data.get(JSON_KEY) else { return Ok(data.clone()) };
    let value: Value = serde_json::from_str(json).map_err(|error| format!("is no JSON: {error}"))?;
    let Value::Object(sections) = value else { return Err("must be an object".into()) };
    let mut flat = BTreeMap::new();
    for (name, section) in &sections {
        collect(name, section, &mut flat);
    }
    Ok(flat)
}

fn collect(prefix: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(&format!("{prefix}.{name}"), field, flat);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            flat.insert(prefix.to_owned(), text.clone());
        }
        // Go's JSON has durations as nanoseconds.
        Value::Number(number) if is_duration(prefix) => {
            flat.insert(prefix.to_owned(), number.as_u64().map_or_else(|| number.to_string(), nanoseconds));
        }
        other => {
            flat.insert(prefix.to_owned(), other.to_string());
        }
    }
}

fn is_duration(key: &str) -> bool {
    ["imeout", "Delay", "nterval"].iter().any(|end| key.ends_with(end))
}

fn nanoseconds(number: u64) -> String {
    format!("{}.{:06}ms", number / 1_000_000, number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_json_means_the_dotted_keys() {
        let json = r#"{"http": {"timeout": 1500000000, "maxIdleConns": 5, "userAgent": "x"}, "metrics": {"enabled": false},
            "retry": {"baseDelay": "2s", "jitterFactor": 0.5, "maxDelay": null}}"#;
        let flat = flatten(&[("config.json".to_owned(), json.to_owned())].into()).unwrap();
        let flat: Vec<_> = flat.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(
            flat,
            [
                ("http.maxIdleConns", "5"),
                ("http.timeout", "1500.000000ms"),
                ("http.userAgent", "x"),
                ("metrics.enabled", "false"),
                ("retry.baseDelay", "2s"),
                ("retry.jitterFactor", "0.5"),
            ]
        );
    }

    #[test]
    fn broken_json_is_refused() {
        for json in ["", "{", "[]", "3"] {
            assert!(flatten(&[("config.json".to_owned(), json.to_owned())].into()).is_err(), "{json}");
        }
    }
}
