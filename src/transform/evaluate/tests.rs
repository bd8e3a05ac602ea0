//! See the module.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::super::stack;
use super::*;

fn run(program: &Program, body: &str) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    evaluate(program, Body::from(body.as_bytes()), &mut out).map(|()| out)
}

fn program(steps: &[Step], output: Output, files: bool) -> Program {
    Program::Transform(Steps { steps: steps.to_vec(), output, files })
}

fn jq(source: &str) -> Step {
    Step::Jq(source.to_owned())
}

fn cel(source: &str) -> Step {
    Step::Cel(source.to_owned())
}

fn text(steps: &[Step], output: Output, body: &str) -> Result<String, Problem> {
    run(&program(steps, output, false), body).map(|bytes| String::from_utf8(bytes).unwrap())
}

fn assertions(expressions: &[&str]) -> Program {
    Program::Assert(Assertions {
        expressions: expressions.iter().map(|&source| source.to_owned()).collect(),
        status: 200,
        headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
    })
}

#[test]
fn one_result_is_laid_out_and_several_are_lines_or_documents() {
    let body = r#"{"a":[{"x":1},[2]]}"#;
    assert_eq!(text(&[jq(".a[0]")], Output::Json, body).unwrap(), "{\n  \"x\": 1\n}\n");
    assert_eq!(text(&[jq(".a[]")], Output::Json, body).unwrap(), "{\"x\":1}\n[2]\n");
    assert_eq!(text(&[jq(".a[0]")], Output::Yaml, body).unwrap(), "x: 1\n");
    assert_eq!(text(&[jq(".a[]")], Output::Yaml, body).unwrap(), "x: 1\n---\n- 2\n");
    assert_eq!(text(&[jq("empty")], Output::Json, body).unwrap(), "");
}

#[test]
fn steps_see_each_result_of_the_one_before() {
    let steps = [jq(".[]"), cel("body * 10"), jq("., . + 1")];
    assert_eq!(text(&steps, Output::Json, "[1,2]").unwrap(), "10\n11\n20\n21\n");
    // As in a pipe of two commands.
    assert_eq!(text(&[jq(".[]"), jq("[., inputs]")], Output::Yaml, "[1,2,3]").unwrap(), "- 1\n- 2\n- 3\n");
}

#[test]
fn without_steps_the_documents_are_converted() {
    assert_eq!(text(&[], Output::Yaml, "{\"b\":1,\"a\":[]}").unwrap(), "b: 1\na: []\n");
    assert_eq!(text(&[], Output::Json, "b: 1\n---\na: x\n").unwrap(), "{\"b\":1}\n{\"a\":\"x\"}\n");
    assert_eq!(text(&[], Output::Json, "\u{feff}[1]\n").unwrap(), "[\n  1\n]\n");
}

#[test]
fn problems_name_the_step() {
    let problem = |steps: &[Step], body| text(steps, Output::Json, body).unwrap_err();
    for (steps, body, kind, index, message) in [
        (&[jq("."), jq("foo")][..], "1", ProblemKind::Expression, Some(1), "function foo/0 is not defined"),
        (&[jq("."), cel("1 +")], "1", ProblemKind::Expression, Some(1), "Syntax error"),
        (&[jq(".[]"), jq(".a")], "[{}, 1]", ProblemKind::Evaluation, Some(1), "cannot index number with string"),
        (&[cel("body.a")], "{}", ProblemKind::Evaluation, Some(0), "there is no key \"a\""),
        (&[jq(".")], "{\"a\": 1", ProblemKind::Input, None, "the document cannot be read as JSON: line 1, column 8"),
        (&[jq(".")], "a: b: c", ProblemKind::Input, None, "the document is neither JSON nor YAML (line 1, column"),
    ] {
        let found = problem(steps, body);
        assert!(found.kind == kind && found.index == index && found.message.starts_with(message), "{found:?}");
    }
    let deep = format!("{}1{}", "[".repeat(600), "]".repeat(600));
    let found = stack::on_large_stack(|| problem(&[jq(".")], &deep)).unwrap();
    assert!(found.kind == ProblemKind::Input && found.message.ends_with("it is nested deeper than 512"), "{found:?}");
    let found = run(&program(&[], Output::Json, false), "x").and_then(|_| {
        let mut out = Vec::new();
        evaluate(&program(&[], Output::Json, false), Body::from(&[0xff, 0xfe][..]), &mut out)
    });
    assert_eq!(found.unwrap_err().message, "the document is not UTF-8");
}

#[test]
fn too_much_of_anything_is_refused() {
    let long = jq(&" ".repeat(MAX_EXPRESSION));
    let longer = jq(&format!("1{}", "é".repeat(MAX_EXPRESSION)));
    assert_eq!(text(&[long], Output::Json, "1").unwrap_err().kind, ProblemKind::Expression);
    assert!(text(&[longer], Output::Json, "1").unwrap_err().message.contains("longer than 2048 characters"));
    assert!(text(&[jq(&format!("1{}", " ".repeat(MAX_EXPRESSION - 1)))], Output::Json, "1").is_ok());
    let steps = vec![jq("."); MAX_STEPS + 1];
    assert_eq!(text(&steps, Output::Json, "1").unwrap_err().message, "there are more than 16 steps");
    assert!(text(&steps[1..], Output::Json, "1").is_ok());
    let many = assertions(&["true"; MAX_ASSERTIONS + 1]);
    assert_eq!(run(&many, "").unwrap_err().message, "there are more than 16 assertions");
}

#[test]
fn assertions_see_status_headers_and_body() {
    for expression in [
        "status == 200",
        "headers['content-type'].startsWith('application/json')",
        "!('x-missing' in headers)",
        "body.items.size() == 2 && body.items.all(i, i > 0)",
    ] {
        assert_eq!(run(&assertions(&[expression]), r#"{"items":[1,2]}"#), Ok(Vec::new()), "{expression}");
    }
    for (body, expression) in [
        ("items: [1]", "body.items[0] == 1"),
        ("a: b: c\n", "body == 'a: b: c\\n'"),
        ("{} {}", "body.size() == 2"),
        ("", "body == ''"),
        ("ok", "body == 'ok'"),
    ] {
        assert_eq!(run(&assertions(&[expression]), body), Ok(Vec::new()), "{body} {expression}");
    }
}

#[test]
fn a_broken_assertion_is_named() {
    for (expressions, kind, index, message) in [
        (&["true", "status == 404"][..], ProblemKind::Assertion, 1, "the assertion does not hold"),
        (&["true", "1"], ProblemKind::Expression, 1, "the result is a number instead of a boolean"),
        (&["body"], ProblemKind::Expression, 0, "the result is a object instead of a boolean"),
        (&["body.missing == 1"], ProblemKind::Evaluation, 0, "there is no key \"missing\""),
        (&["true", "false &&"], ProblemKind::Expression, 1, "Syntax error"),
    ] {
        let problem = run(&assertions(expressions), "{}").unwrap_err();
        assert!(problem.kind == kind && problem.index == Some(index), "{problem:?}");
        assert!(problem.message.starts_with(message), "{problem:?}");
    }
    // What no assertion looks at need not be readable.
    assert!(run(&assertions(&["status == 200"]), &"[".repeat(100_000)).is_ok());
}

fn unpacked(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        let fixed = (header.mode().unwrap(), header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        assert_eq!(fixed, (0o644, 0, 0, 0));
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        (path, content)
    };
    archive.entries().unwrap().map(read).collect()
}

#[test]
fn files_become_an_archive() {
    let long = format!("{}/x.txt", "d".repeat(200));
    let body = format!(
        r#"{{"z.txt":"as it is","a/b.yaml":{{"k":[1]}},"a/c.json":{{"k":[1]}},"other":{{"k":1}},"n.yml":7,"{long}":"l"}}"#
    );
    let archive = run(&program(&[], Output::Yaml, true), &body).unwrap();
    let expected = [
        ("a/b.yaml", "k:\n- 1\n"),
        ("a/c.json", "{\n  \"k\": [\n    1\n  ]\n}\n"),
        (&long, "l"),
        ("n.yml", "7\n"),
        ("other", "k: 1\n"),
        ("z.txt", "as it is"),
    ];
    assert_eq!(unpacked(&archive), expected.map(|(path, content)| (path.to_owned(), content.to_owned())));
    assert_eq!(run(&program(&[], Output::Yaml, true), &body).unwrap(), archive);
    assert_eq!(unpacked(&run(&program(&[], Output::Json, true), "{}").unwrap()), []);
}

#[test]
fn bad_files_are_refused_without_their_names() {
    for (body, message) in [
        ("[]", "the result is a array instead of an object of files"),
        ("{} {}", "there are several results instead of one object of files"),
        ("", "there is no result instead of an object of files"),
        (r#"{"a":"x","CANARY/../x":"y"}"#, "the path of file 2 of 2 has a \"..\" segment"),
        (r#"{"/CANARY":"y"}"#, "the path of file 1 of 1 is absolute: expected a relative path"),
        (r#"{"CANARY\n":"y"}"#, "the path of file 1 of 1 has a control character"),
        (r#"{"CANARY":null}"#, "the content of file 1 of 1 is null"),
    ] {
        let problem = run(&program(&[], Output::Json, true), body).unwrap_err();
        assert_eq!((problem.kind, problem.message.as_str()), (ProblemKind::Evaluation, message));
    }
}

#[test]
fn a_result_that_nobody_could_read_is_refused() {
    let problem =
        stack::on_large_stack(|| text(&[jq("reduce range(5000) as $i (1; [.])")], Output::Json, "1").unwrap_err());
    assert_eq!(problem.unwrap().message, "the result is nested deeper than 512");
}
