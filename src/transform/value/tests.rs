//! See the module.

use proptest::prelude::*;

use super::super::stack::on_large_stack;
use super::read::{ReadError, document, documents};
use super::write::{Indent, Style, json};
use super::yaml;
use super::{MAX_DEPTH, Val};

fn written(value: &Val, style: &Style) -> String {
    let mut out = Vec::new();
    json(&mut out, value, style).unwrap();
    String::from_utf8(out).unwrap()
}

fn compact(text: &str) -> String {
    written(&document(text).unwrap(), &Style::COMPACT)
}

fn as_yaml(value: &Val) -> String {
    let mut out = Vec::new();
    yaml::yaml(&mut out, value).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn json_that_is_only_read_and_written_stays_as_it_was() {
    for text in [
        "null",
        "true",
        "-0",
        "-0.0",
        "1.50",
        "1e400",
        "1E-7",
        "-1.7976931348623157e+309",
        "9007199254740993",
        "18446744073709551616",
        "123456789012345678901234567890",
        r#""""#,
        r#"{"z":1,"a":{"z":2,"b":[]},"m":{}}"#,
        r#"["é😀\"\\\b\f\n\r\t\u0001\u007f/"]"#,
    ] {
        assert_eq!(compact(text), text);
    }
}

#[test]
fn escapes_are_read_as_the_characters_that_they_stand_for() {
    assert_eq!(document(r#""\u0041\u00e9\ud83d\ude00\/""#).unwrap(), Val::text("Aé😀/"));
    // Half of a pair is no character.
    assert_eq!(document(r#""\ud83dx\ude00\ud83d\u0041""#).unwrap(), Val::text("\u{fffd}x\u{fffd}\u{fffd}A"));
}

#[test]
fn of_a_repeated_key_the_last_value_counts_in_the_first_place() {
    assert_eq!(compact(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
}

#[test]
fn what_is_no_json_is_refused_where_it_goes_wrong() {
    for (text, position) in [
        ("", (1, 1)),
        ("{", (1, 2)),
        ("[1,]", (1, 4)),
        ("[1 2]", (1, 4)),
        ("{\"a\" 1}", (1, 6)),
        ("{a: 1}", (1, 2)),
        ("{\"a\":1,}", (1, 8)),
        ("{\n  \"a\": tru\n}", (2, 8)),
        ("\"a", (1, 3)),
        ("\"a\nb\"", (1, 3)),
        (r#""\x""#, (1, 3)),
        (r#""\u12g4""#, (1, 4)),
        (r#""\u123"#, (1, 4)),
        ("01", (1, 2)),
        ("1.", (1, 3)),
        ("1e", (1, 3)),
        ("+1", (1, 1)),
        ("-", (1, 2)),
        (".5", (1, 1)),
        ("nan", (1, 1)),
        ("NaN", (1, 1)),
        ("Infinity", (1, 1)),
        ("'a'", (1, 1)),
        ("# comment\n1", (1, 1)),
        ("1 2", (1, 3)),
    ] {
        let error = document(text).unwrap_err();
        assert_eq!(error.position(text.as_bytes()), position, "{text}: {error}");
    }
}

#[test]
fn documents_may_follow_each_other() {
    let read = |text| documents(text).map(|documents| documents.iter().map(Val::to_json).collect::<Vec<_>>());
    assert_eq!(read("{} [] 1\n\"a\"null"), Ok(["{}", "[]", "1", "\"a\"", "null"].map(String::from).to_vec()));
    assert_eq!(read(" \n"), Ok(Vec::new()));
    assert_eq!(read("{} x"), Err(ReadError::Syntax(3, "a value")));
}

#[test]
fn nesting_is_limited_when_reading_and_when_writing() {
    on_large_stack(|| {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(compact(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
        assert!(matches!(document(&nested(MAX_DEPTH + 1)), Err(ReadError::Depth(MAX_DEPTH))));
        assert!(matches!(document(&"[".repeat(1 << 20)), Err(ReadError::Depth(_))));
        let deep = Val::array(vec![document(&nested(MAX_DEPTH)).unwrap()]);
        assert!(json(&mut Vec::new(), &deep, &Style::PRETTY).is_err());
        assert!(yaml::yaml(&mut Vec::new(), &deep).is_err());
        assert!(yaml::documents(&"[".repeat(1 << 20)).is_err());
    })
    .unwrap();
}

#[test]
fn calculated_numbers_are_written_as_jq_writes_them() {
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (2.0, "2"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1000000000000000"),
        (1e16, "1e+16"),
        (1e17, "1e+17"),
        (1e19, "1e+19"),
        (123_456_789_012_345_680.0, "123456789012345680"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.000_012, "1.2e-05"),
        (1.5e-7, "1.5e-07"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (f64::INFINITY, "1.7976931348623157e+308"),
        (f64::NEG_INFINITY, "-1.7976931348623157e+308"),
        (f64::NAN, "null"),
    ] {
        assert_eq!(Val::from(number).to_json(), expected, "{number}");
    }
}

#[test]
fn layouts_are_those_of_jq() {
    let value = document(r#"{"b":[1,{}],"a":"é"}"#).unwrap();
    assert_eq!(written(&value, &Style::PRETTY), "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": \"é\"\n}");
    let style = Style { indent: Indent::Tab, sort: true, ascii: true };
    assert_eq!(written(&value, &style), "{\n\t\"a\": \"\\u00e9\",\n\t\"b\": [\n\t\t1,\n\t\t{}\n\t]\n}");
    assert_eq!(written(&Val::text("😀"), &style), r#""\ud83d\ude00""#);
}

#[test]
fn yaml_is_laid_out_in_blocks() {
    let value = document(
        r#"{"kind":"ConfigMap","data":{"a.txt":"one\ntwo\n","b":"x\ny","c":"z\n\n","d":"\n e\n"},"list":["x",{"k":[1,[2]],"l":{}},[]],
           "empty":{},"none":null,"yes":"no","n":"1.50","dec":1.50,"url":"http://x:80/y","colon":"a: b","hash":"a #b",
           "star":"*x","space":" x","time":"12:30:45","date":"2020-01-01","null":"~","version":"v1","tab":"a\tb"}"#,
    );
    let expected = r#"kind: ConfigMap
data:
  a.txt: |
    one
    two
  b: |-
    x
    y
  c: |+
    z

  d: "\n e\n"
list:
- x
- k:
  - 1
  - - 2
  l: {}
- []
empty: {}
none: null
"yes": "no"
"n": "1.50"
dec: 1.50
url: http://x:80/y
colon: "a: b"
hash: "a #b"
star: "*x"
space: " x"
time: "12:30:45"
date: "2020-01-01"
"null": "~"
version: v1
tab: "a\tb"
"#;
    assert_eq!(as_yaml(&value.unwrap()), expected);
}

#[test]
fn yaml_is_read_with_its_documents_anchors_and_keys() {
    let read = |text| {
        let documents = yaml::documents(text);
        documents.map(|documents| documents.iter().map(Val::to_json).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(read("a: 1\n---\n- x\n---\n"), Ok(r#"{"a":1} ["x"]"#.to_owned()));
    let merged = "base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n";
    assert_eq!(read(merged), Ok(r#"{"base":{"x":1,"y":2},"more":{"y":3,"x":1}}"#.to_owned()));
    assert_eq!(read("1: a\ntrue: b\n"), Ok(r#"{"1":"a","true":"b"}"#.to_owned()));
    assert_eq!(
        read("[true, yes, y, 0x10, 1.5, ~, 18446744073709551615]"),
        Ok(r#"[true,"yes","y",16,1.5,null,18446744073709551615]"#.to_owned())
    );
    assert!(read("a: [").is_err());
    assert!(read("? [a]\n: 1\n").is_err());
}

#[test]
fn yaml_escapes_what_readers_refuse() {
    for c in ['\u{80}', '\u{85}', '\u{9f}', '\u{2028}', '\u{feff}', '\u{fffe}', '\u{ffff}'] {
        let value = Val::array(vec![Val::from(format!("a{c}b")), Val::from(format!("a\n{c}b\nc"))]);
        assert_eq!(yaml::documents(&as_yaml(&value)), Ok(vec![value]), "{c:?}");
    }
    let long = document(&format!("{{\"{}\":1}}", "a".repeat(1025))).unwrap();
    assert!(yaml::yaml(&mut Vec::new(), &long).is_err());
}

#[test]
fn aliases_cannot_multiply_without_end() {
    let aliases = |level: usize| vec![format!("*a{}", level - 1); 10].join(",");
    let levels = (1..12).map(|level| format!("a{level}: &a{level} [{}]\n", aliases(level)));
    let bomb: String = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned()).chain(levels).collect();
    assert!(yaml::documents(&bomb).is_err());
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let texts = prop_oneof![
        "[ -~]{0,8}",
        "\\PC{0,6}",
        any::<String>(),
        "([a-z :#\"'|>-]{0,6}\n){1,3}",
        proptest::sample::select(vec![
            "yes",
            "No",
            "on",
            "~",
            "null",
            "1e3",
            "0x1F",
            "0o7",
            "1_000",
            "12:30",
            "2020-01-01",
            ".inf",
            "-",
            "--- a",
            "<<",
            "=",
            "...",
            "a: b",
            "a:",
            "- b",
            "&a",
            "!x",
            "%y",
            "@z",
            "`",
            "?",
            "? x",
            "true",
            "NaN",
            "+1",
            "\t",
            "\u{85}",
            "\u{feff}a",
            "a\u{2028}b",
            "x ",
            "a\n",
            "\n",
            "a\n\nb",
            "a\n ",
            "#",
            "a#b",
            "a #b",
            "{",
            "[a]",
            "'",
            "\"",
        ])
        .prop_map(String::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        texts.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((texts.clone(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(value in values()) {
        let ours = document(&value.to_string()).unwrap();
        for style in [Style::COMPACT, Style::PRETTY, Style { ascii: true, ..Style::PRETTY }] {
            let back: serde_json::Value = serde_json::from_str(&written(&ours, &style)).unwrap();
            prop_assert_eq!(&back, &value);
        }
        // By another implementation, with the booleans of YAML 1.1 and of 1.2.
        let yaml = as_yaml(&ours);
        for strict_booleans in [false, true] {
            let options = serde_saphyr::options! { strict_booleans: strict_booleans };
            let back: serde_json::Value = serde_saphyr::from_str_with_options(&yaml, options).unwrap();
            prop_assert_eq!(&back, &value, "{}", yaml);
        }
    }

    #[test]
    fn what_we_read_is_what_serde_json_reads(text in "[\\[\\]{}:, \"\\\\a0-9.eE+-]{0,12}|\\PC{0,12}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match document(&text) {
            Ok(ours) => {
                // Numbers beyond a double are no numbers there, and half a pair is no text.
                if let Ok(theirs) = theirs {
                    let again: serde_json::Value = serde_json::from_str(&ours.to_json()).unwrap();
                    prop_assert_eq!(again, theirs);
                }
            }
            Err(error) => prop_assert!(theirs.is_err(), "{}: {}", text, error),
        }
    }
}
