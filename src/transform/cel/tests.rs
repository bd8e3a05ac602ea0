//! See the module.

use super::super::program::ProblemKind::{self, Evaluation, Expression};
use super::super::stack::on_large_stack;
use super::super::value::read::document;
use super::{Failure, Val, compile};

fn evaluate(source: &str, body: &str) -> Result<String, Failure> {
    let expression = compile(source).map_err(|message| (Expression, message))?;
    let body: Val = document(body).unwrap();
    expression.evaluate(&[("body", &body)]).map(|value| value.to_json())
}

#[test]
fn expressions_give_documents() {
    let body = r#"{"z":1,"a":[1,2,3],"s":"héllo","n":null,"f":1.5,"o":{"y":1,"x":2},"big":18446744073709551615}"#;
    for (source, expected) in [
        ("body.z", "1"),
        ("body.a.map(i, i * 2)", "[2,4,6]"),
        ("body.a.filter(i, i > 1)", "[2,3]"),
        ("body.a.all(i, i > 0) && body.a.exists(i, i == 2)", "true"),
        ("size(body.s) == 5 && body.s.startsWith('h') && body.s.matches('^h.*o$')", "true"),
        ("has(body.n) && !has(body.missing)", "true"),
        ("body.?missing.orValue('none')", "\"none\""),
        ("{'b': body.z, 'a': body.f}", r#"{"a":1.5,"b":1}"#),
        ("body.o.map(k, k)", r#"["x","y"]"#),
        ("body.o == {'x': 2, 'y': 1}", "true"),
        ("body.f * 2.0", "3"),
        ("body.big", "18446744073709551615"),
        ("body.s.upperAscii().split('L')", "[\"Hé\",\"\",\"O\"]"),
        ("['a', 'b'].join('-')", "\"a-b\""),
        ("[3, 1, 2].sort()", "[1,2,3]"),
        ("string(body.z) + '!'", "\"1!\""),
        ("b'hi'", "\"aGk=\""),
        ("{1: 'a', true: 'b'}", r#"{"1":"a","true":"b"}"#),
        ("body.a.map(i, body.o.map(k, k + string(i)))", r#"[["x1","y1"],["x2","y2"],["x3","y3"]]"#),
    ] {
        assert_eq!(evaluate(source, body).as_deref(), Ok(expected), "{source}");
    }
}

#[test]
fn maps_are_walked_over_and_written_in_the_order_of_their_keys() {
    let body = format!("{{{}}}", (0..200).rev().map(|i| format!("\"k{i:03}\":{i}")).collect::<Vec<_>>().join(","));
    let keys: Vec<_> = (0..200).map(|i| format!("\"k{i:03}\"")).collect();
    assert_eq!(evaluate("body.map(k, k)", &body).unwrap(), format!("[{}]", keys.join(",")));
    let entries: Vec<_> = (0..200).map(|i| format!("\"k{i:03}\":{i}")).collect();
    assert_eq!(evaluate("body", &body).unwrap(), format!("{{{}}}", entries.join(",")));
}

#[test]
fn numbers_that_no_type_holds_are_passed_on_as_they_are() {
    let body = r#"{"big":123456789012345678901234567890,"huge":1e400}"#;
    assert_eq!(evaluate("[body.big, body.huge]", body).unwrap(), "[123456789012345678901234567890,1e400]");
    assert_eq!(evaluate("body.big == body.big && body.big != body.huge", body).unwrap(), "true");
    assert!(evaluate("body.big + 1", body).is_err());
}

#[test]
fn what_does_not_compile_is_pointed_at() {
    // The parser recurses to its limit before it refuses the parentheses.
    on_large_stack(refuse_all).unwrap();
}

fn refuse_all() {
    for source in ["1 +", "(", "body.", "a b", "'x", "{1", "body.map(x)", "1 ? 2", "#", &"(".repeat(500), "[1,,2]"] {
        let (kind, message) = evaluate(source, "1").unwrap_err();
        assert_eq!(kind, Expression, "{source}: {message}");
        assert!(message.contains(" at line 1, column ") || message.contains("not defined"), "{source}: {message}");
    }
}

#[test]
fn errors_name_types_and_no_values() {
    let cases: [(&str, ProblemKind, &str); 16] = [
        ("body.missing", Evaluation, "there is no key \"missing\""),
        ("body[body.s]", Evaluation, "a key that the expression looks for is not there"),
        ("body.s + 1", Evaluation, "add cannot be applied to a string and a int"),
        ("body.s < 1", Evaluation, "found no matching overload for '_<_' applied to '(string, int)'"),
        ("body.l[9]", Evaluation, "an index is out of bounds"),
        ("body.l[body.s]", Evaluation, "found no matching overload for '_[_]' applied to '(list, string)'"),
        ("1 / (size(body.s) - 6)", Evaluation, "division by zero"),
        ("1 % (size(body.s) - 6)", Evaluation, "division by zero"),
        ("9223372036854775807 + size(body.s)", Evaluation, "the result of add is too large"),
        ("int(body.s)", Evaluation, "int failed"),
        ("body.s.matches('(')", Evaluation, "matches failed"),
        ("foo", Expression, "foo is not defined"),
        ("foo(body)", Expression, "foo is not defined"),
        ("{body.s: 1, body.s: 2}", Evaluation, "a map has the same key twice"),
        ("body.map(k, k)[7]", Evaluation, "an index is out of bounds"),
        ("{1: 1, '1': 2}", Expression, "a map of the result has two keys that are one in JSON"),
    ];
    for (source, kind, message) in cases {
        let found = evaluate(source, r#"{"s":"CANARY","l":["CANARY"]}"#);
        assert_eq!(found, Err((kind, message.to_owned())), "{source}");
    }
}
