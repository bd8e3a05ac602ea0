//! Whatever goes wrong, no value of the document is told: each key and each value of these documents holds a canary.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use flux_externalsource::transform::{Assertions, Output, Program, Steps};

use super::{Step, built_in, cel, framed, jq, steps};
use crate::harness::Ran;

const CANARY: &str = "c4n4ry";

const DOCUMENT: &str = r#"{"s":"c4n4ry","n":70418.5,"c4n4ry":"v","l":["c4n4ry","x"],"o":{"c4n4ry":{"c4n4ry":1}},"re":"(c4n4ry",
    "path":"../c4n4ry","date":"c4n4ry-01-01","json":"{\"c4n4ry\":","b64":"c4n4ry!","csv":[["c4n4ry"]],"neg":[-70418]}"#;

/// The number of the document is a canary, too.
const NUMBERS: [&str; 2] = ["70418", "7041"];

fn silent(what: &str, ran: &Ran) -> Result<()> {
    let told = ran.stderr.contains(CANARY) || NUMBERS.iter().any(|number| ran.stderr.contains(number));
    ensure!(!told, "{what}: {ran:?}");
    Ok(())
}

async fn refused(what: &str, program: &Program, document: &[u8]) -> Result<()> {
    let ran = built_in(&["transform"], &framed(program, document)?).await?;
    ensure!(ran.code != Some(0), "{what} succeeds: {ran:?}");
    silent(what, &ran)
}

/// Programs of jq that fail over [`DOCUMENT`].
const JQ: [&str; 62] = [
    ".s.a",
    ".s[0]",
    ".s[]",
    ".n[]",
    ".n.x",
    ".[0]",
    ".l.a",
    ".l[\"c\"]",
    ".[.n]",
    ".s + 1",
    ".s - .n",
    ".o - .l",
    ".s / .n",
    ".n / .s",
    ".l * .l",
    ".s % 2",
    "-.s",
    "-.o",
    ".s | error",
    "error(.)",
    "error(.o)",
    "error(\"no \\(.s)\")",
    ".s | tonumber",
    ".s | fromjson",
    ".json | fromjson",
    ".s | keys",
    ".n | length | keys",
    ".s | has(\"a\")",
    ".l | has(\"a\")",
    ".o | has(0)",
    ".s | contains(1)",
    ".n | contains(.s)",
    "{(.n): 1}",
    "{(.l): 1}",
    ".s | test(.re)",
    ".s | test(\"a\"; .s)",
    ".n | test(\"a\")",
    ".s | sub(.re; \"\")",
    ".date | fromdate",
    ".s | todate",
    ".s | mktime",
    ".s | gmtime",
    ".l | mktime",
    ".date | strptime(\"%Y\")",
    ".n | strftime(.n)",
    ".b64 | @base64d",
    ".s | @csv",
    ".csv | @csv",
    ".o | @tsv",
    ".l | implode",
    ".neg | map(. * 100000) | implode",
    ".l | sort_by(.a)",
    ".l | group_by(.x)",
    ".s |= .a.b",
    ".l[\"x\"] = 1",
    ".s[0] = 1",
    "path(.s | length)",
    ".s | splits(.re)",
    ".l | join(.o)",
    "setpath([\"s\", \"a\"]; 1)",
    "delpaths([[\"s\", \"a\"]])",
    ".s as [$x] | $x",
];

/// Expressions of CEL that fail over [`DOCUMENT`].
const CEL: [&str; 34] = [
    "body[body.s + 'x']",
    "body.o[body.date]",
    "body.l[body.s]",
    "body.l[7]",
    "body.s + 1",
    "body.s - body.n",
    "body.s < 1",
    "body.l + body.s",
    "body.o + body.o",
    "-body.s",
    "!body.s",
    "body.s && true",
    "body.s ? 1 : 2",
    "int(body.s)",
    "double(body.s)",
    "uint(body.s)",
    "bool(body.s)",
    "duration(body.s)",
    "timestamp(body.date)",
    "body.s.matches(body.re)",
    "body.s.all(x, true)",
    "body.n.map(x, x)",
    "body.l.map(x, x.y)",
    "body.s.foo()",
    "body.l.sort(1)",
    "body.s.substring(99)",
    "body.s.charAt(99)",
    "body.l.join(1)",
    "{body.s: 1, body.s: 2}",
    "{body.l: 1}",
    "body.s in body.n",
    "body.s.split(1)",
    "body.s.missing",
    "body.l.exists(x, x > 1)",
];

#[tokio::test]
async fn errors_of_jq_tell_no_value() -> Result<()> {
    for source in JQ {
        refused(source, &steps(vec![jq(source)]), DOCUMENT.as_bytes()).await?;
        let ran = built_in(&["jq", "--", source], DOCUMENT.as_bytes()).await?;
        ensure!(ran.code == Some(5), "{source}: {ran:?}");
        silent(source, &ran)?;
    }
    Ok(())
}

#[tokio::test]
async fn errors_of_cel_tell_no_value() -> Result<()> {
    for source in CEL {
        refused(source, &steps(vec![cel(source)]), DOCUMENT.as_bytes()).await?;
        let headers = BTreeMap::from([("x-token".to_owned(), CANARY.to_owned())]);
        let assertions = Assertions { expressions: vec![source.to_owned()], status: 200, headers };
        refused(source, &Program::Assert(assertions), DOCUMENT.as_bytes()).await?;
    }
    let headers = BTreeMap::from([("x-token".to_owned(), CANARY.to_owned())]);
    for source in
        ["headers['x-token']", "headers[headers['x-token']] == ''", "headers['x-token'] == 1 + ''", "headers.y == ''"]
    {
        let assertions = Assertions { expressions: vec![source.to_owned()], status: 200, headers: headers.clone() };
        refused(source, &Program::Assert(assertions), b"{}").await?;
    }
    Ok(())
}

#[tokio::test]
async fn documents_that_cannot_be_read_are_not_told() -> Result<()> {
    let same = steps(vec![jq(".")]);
    for document in [
        "{\"a\": c4n4ry: x}",
        "{\"c4n4ry\": 1",
        "[\"c4n4ry\" \"c4n4ry\"]",
        "{\"a\": \"c4n4ry",
        "[c4n4ry: c4n4ry: c4n4ry]",
        "c4n4ry: c4n4ry: c4n4ry",
        "a: *c4n4ry",
        "a: !c4n4ry [",
        "\tc4n4ry: {",
        "a: 1\na: c4n4ry\n  c4n4ry",
        "<<: c4n4ry\na: b",
        "c4n4ry: 1\nc4n4ry: 2",
        "? [c4n4ry]\n: 1",
        "\"c4n4ry",
        "{\"c4n4ry\":\"\\x\"}",
        "%c4n4ry\n---\n{",
    ] {
        refused(document, &same, document.as_bytes()).await?;
        for command in ["jq", "yq"] {
            let ran = built_in(&[command, "."], document.as_bytes()).await?;
            ensure!(ran.code != Some(0) && ran.stdout.is_empty(), "{command} {document}: {ran:?}");
            silent(document, &ran)?;
        }
    }
    refused("not UTF-8", &same, b"\"c4n4ry\xff\"").await
}

#[tokio::test]
async fn names_and_contents_of_files_are_not_told() -> Result<()> {
    for source in [
        "{(.path): .s}",
        "{(.s): null}",
        "{(.s + \"\\u0000\"): 1}",
        "{(.s * 300): 1}",
        ".l",
        "(., .)",
        ".s",
        "{(\"/\" + .s): 1}",
    ] {
        let steps: Vec<Step> = vec![jq(source)];
        let program = Program::Transform(Steps { steps, output: Output::Yaml, files: true });
        refused(source, &program, DOCUMENT.as_bytes()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn arguments_and_panics_are_not_told() -> Result<()> {
    for arguments in [
        &["jq", "--argjson", "x", "{c4n4ry", "$x"][..],
        &["jq", "--jsonargs", ".", "{c4n4ry"],
        &["jq", ".", "c4n4ry.json"],
        &["yq", ".", "c4n4ry.yaml"],
        &["yq", "-o", "c4n4ry"],
    ] {
        let ran = built_in(arguments, DOCUMENT.as_bytes()).await?;
        ensure!(ran.code == Some(2), "{arguments:?}: {ran:?}");
        silent(arguments[0], &ran)?;
    }
    // The stack's end is told by the standard library, without us.
    silent("overflow", &built_in(&["jq", "def f: .s + f; f"], DOCUMENT.as_bytes()).await?)
}
