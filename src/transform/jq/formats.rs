//! `@csv`, `@tsv`, `@html`, `@base32` and its reverse.

use jaq_core::{Error, ValR};

use super::super::value::Val;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// One row: `text` lays out a text, everything else stands for itself.
fn row(value: Val, separator: &str, text: fn(&str) -> String) -> ValR<Val> {
    let Val::Arr(items) = value else { return Err(Error::typ(value, "array")) };
    let cell = |item: &Val| match item {
        Val::Null => Ok(String::new()),
        Val::Str(content) => Ok(text(content)),
        Val::Bool(_) | Val::Num(_) => Ok(item.to_json()),
        Val::Arr(_) | Val::Obj(_) => Err(Error::typ(item.clone(), "cell of a table")),
    };
    items.iter().map(cell).collect::<Result<Vec<_>, _>>().map(|cells| Val::from(cells.join(separator)))
}

pub(super) fn csv(value: Val) -> ValR<Val> {
    row(value, ",", |text| format!("\"{}\"", text.replace('"', "\"\"")))
}

pub(super) fn tsv(value: Val) -> ValR<Val> {
    row(value, "\t", |text| text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r"))
}

pub(super) fn html(value: &Val) -> Val {
    let mut escaped = String::new();
    for c in value.to_text().chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    Val::from(escaped)
}

/// RFC 4648, section 6, with padding.
pub(super) fn base32(value: &Val) -> Val {
    let mut encoded = String::new();
    for chunk in value.to_text().as_bytes().chunks(5) {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        let used = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let index = (bits >> (35 - 5 * at)) & 31;
            encoded.push(if at < used { char::from(BASE32[index as usize]) } else { '=' });
        }
    }
    Val::from(encoded)
}

pub(super) fn from_base32(value: &Val) -> ValR<Val> {
    let text = value.to_text();
    let (mut bits, mut count, mut bytes) = (0_u64, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        let digit = BASE32.iter().position(|known| *known == c).ok_or_else(|| Error::str("the text is not base32"))?;
        bits = (bits << 5 | digit as u64) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Ok(Val::text(&String::from_utf8_lossy(&bytes)))
}
