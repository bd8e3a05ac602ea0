//! The tables of fields in `docs/api.md` are made from the definition.

use std::fmt::Write as _;

use super::*;

const FILE: &str = "docs/api.md";

/// Where the table of the fields below `top` begins and ends.
fn marks(top: &str) -> (String, &'static str) {
    (format!("<!-- begin: fields of {top}, made from the definition by `just generate` -->\n\n"), "\n<!-- end -->\n")
}

fn table(top: &str) -> String {
    let mut text = "| field | type | default | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    let schema = at(top);
    for (name, field) in schema["properties"].as_object().unwrap() {
        rows(&format!("{top}.{name}"), field, is_required(&schema, name), &mut text);
    }
    text
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|required| required.iter().any(|field| field == name))
}

fn rows(path: &str, field: &Value, required: bool, text: &mut String) {
    let values = field["enum"].as_array().map(|values| {
        let quoted = values.iter().map(|value| format!("`{}`", value.as_str().unwrap_or_default()));
        quoted.collect::<Vec<_>>().join(", ")
    });
    let type_ = values.unwrap_or_else(|| field["type"].as_str().unwrap_or_default().replace("array", "list"));
    let default = match &field["default"] {
        Value::Null if required => "required".to_owned(),
        Value::Null => String::new(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    let meaning = field["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let row = format!("| `{path}` | {type_} | {default} | {} |", meaning.replace('|', "\\|"));
    writeln!(text, "{}", row.replace("  ", " ")).unwrap();
    // Conditions are Kubernetes' own, and both lists of hooks hold the same.
    if path == "status.conditions" || path == "spec.hooks.postRequest" {
        return;
    }
    for (schema, below) in [(field, path.to_owned()), (&field["items"], format!("{path}[]"))] {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            rows(&format!("{below}.{name}"), field, is_required(schema, name), text);
        }
    }
}

#[test]
fn the_checked_in_tables_of_fields_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    for top in ["spec", "status"] {
        let (begin, end) = marks(top);
        let found = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = found.split_once(&begin).expect("where the table begins");
        let (old, after) = rest.split_once(end).expect("where the table ends");
        let wanted = table(top);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        } else {
            assert!(old == wanted, "{FILE} is not what the types say of {top}; `just generate` writes it anew");
        }
    }
}

#[test]
fn every_reason_is_explained() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
    let source = include_str!("../../conditions.rs");
    let reasons: Vec<_> = source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")).collect();
    assert!(reasons.len() > 20, "{reasons:?}");
    for constant in reasons {
        let value = constant.split('"').nth(1).expect("a text");
        assert!(text.contains(&format!("| `{value}` |")), "{FILE} does not explain {value}");
    }
}
