//! Syntax of label selectors, checked before the API server sees them
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).

use super::parse::{Rejected, dns_name};

/// A label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
pub fn label_selector(text: &str) -> Result<String, Rejected> {
    requirements(text)
        .all(|requirement| is_requirement(requirement.trim()))
        .then(|| text.trim().to_owned())
        .ok_or_else(|| "must be a label selector such as \"app=web,tier in (a, b),!legacy\"".into())
}

/// The parts between the commas that stand outside parentheses.
fn requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

fn is_requirement(text: &str) -> bool {
    if let Some(key) = text.strip_prefix('!') {
        return is_key(key.trim());
    }
    for operator in ["!=", "==", "="] {
        if let Some((key, value)) = text.split_once(operator) {
            return is_key(key.trim()) && is_value(value.trim());
        }
    }
    match text.split_once(char::is_whitespace) {
        None => is_key(text),
        Some((key, set)) => is_key(key) && is_set(set.trim()),
    }
}

fn is_set(text: &str) -> bool {
    let values = text.strip_prefix("notin").or_else(|| text.strip_prefix("in")).map(str::trim);
    let inside = values.and_then(|values| values.strip_prefix('(')?.strip_suffix(')'));
    inside.is_some_and(|inside| inside.split(',').all(|value| is_value(value.trim())))
}

fn is_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|prefix| dns_name(prefix).is_ok()) && !name.is_empty() && is_value(name)
}

fn is_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends =
        bytes.first().is_none_or(u8::is_ascii_alphanumeric) && bytes.last().is_none_or(u8::is_ascii_alphanumeric);
    ends && bytes.len() <= 63 && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

#[cfg(test)]
mod tests {
    use super::label_selector;

    #[test]
    fn accepts_every_form_of_requirement() {
        for text in [
            "a=b",
            "a==b",
            "a!=b",
            "a",
            "!a",
            "a in (b)",
            "a in (b, c),d notin (e)",
            "toolkit.fluxcd.io/shard=one",
            "a=",
            " a = b , c ",
            "a in(b)",
        ] {
            assert!(label_selector(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_api_server_would_refuse() {
        for text in ["a=b,", "=b", "a in b", "a in (b", "a within (b)", "a b", "-a=b", "x/y/z=1", "a=b=c", "a;b", "!"] {
            assert!(label_selector(text).is_err(), "{text}");
        }
    }
}
