//! Requests that are none.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::super::http::request;
use super::super::sidecar::{Sidecar, WHITELIST};

/// What is wrong with it, the status, the request.
type Row = (&'static str, u16, Vec<u8>);

const TE: (&str, &str) = ("te", "trailers");
const COMMAND: &str = "externalsource-command";

/// `POST /v1/run` with these bytes behind the header's base64.
fn header(json: &[u8]) -> Vec<u8> {
    request("POST /v1/run", &[TE, (COMMAND, &STANDARD.encode(json))], b"")
}

fn headers() -> Vec<Row> {
    let good = STANDARD.encode(br#"{"command":"cat","args":[],"env":[] }"#);
    assert!(good.ends_with('='), "there is nothing to take off");
    let odd = json!({"command": "cat", "args": ["\u{3ff}\u{3fe}???>>>"], "env": []}).to_string();
    let url_safe = URL_SAFE.encode(odd.as_bytes());
    assert!(url_safe.contains(['-', '_']), "the alphabets do not differ here");
    vec![
        ("no command", 400, request("POST /v1/run", &[TE], b"")),
        ("an empty command", 400, request("POST /v1/run", &[TE, (COMMAND, "")], b"")),
        ("two commands", 400, request("POST /v1/run", &[TE, (COMMAND, &good), (COMMAND, &good)], b"")),
        ("no base64", 400, request("POST /v1/run", &[TE, (COMMAND, "{\"command\":\"cat\"}")], b"")),
        ("base64 without padding", 400, request("POST /v1/run", &[TE, (COMMAND, good.trim_end_matches('='))], b"")),
        ("the alphabet of URLs", 400, request("POST /v1/run", &[TE, (COMMAND, &url_safe)], b"")),
        ("a space in base64", 400, request("POST /v1/run", &[TE, (COMMAND, &good.replacen('I', "I ", 1))], b"")),
        ("no trailers wanted", 400, request("POST /v1/run", &[(COMMAND, &good)], b"")),
        ("no JSON", 400, header(b"cat")),
        ("cut off", 400, header(br#"{"command":"cat","args":["#)),
        ("a list", 400, header(br#"["cat"]"#)),
        ("null", 400, header(b"null")),
        ("nothing in it", 400, header(b"{}")),
        ("no arguments", 400, header(br#"{"command":"cat","env":[]}"#)),
        ("arguments that are text", 400, header(br#"{"command":"cat","args":"-n","env":[]}"#)),
        ("arguments that are numbers", 400, header(br#"{"command":"cat","args":[1],"env":[]}"#)),
        ("a command that is a list", 400, header(br#"{"command":["cat"],"args":[],"env":[]}"#)),
        ("variables as a map", 400, header(br#"{"command":"cat","args":[],"env":{"A":"b"}}"#)),
        ("a timeout that is a number", 400, header(br#"{"command":"cat","args":[],"env":[],"timeout":5}"#)),
        ("an unknown field", 400, header(br#"{"command":"cat","args":[],"env":[],"path":"/bin/sh"}"#)),
        ("a field twice", 400, header(br#"{"command":"cat","command":"bash","args":[],"env":[]}"#)),
        ("something behind", 400, header(br#"{"command":"cat","args":[],"env":[]}{"command":"bash"}"#)),
        ("no UTF-8", 400, header(b"{\"command\":\"cat\xff\",\"args\":[],\"env\":[]}")),
        ("half a surrogate", 400, header(br#"{"command":"\ud800","args":[],"env":[]}"#)),
        ("deep", 400, header(&[b"[".repeat(10_000), b"]".repeat(10_000)].concat())),
        ("a header beyond all bounds", 431, header(&vec![b'x'; 2 << 20])),
        ("a body beyond all bounds", 413, {
            let length = ("content-length", "999999999999");
            request("POST /v1/run", &[TE, (COMMAND, &good), length], b"")
        }),
    ]
}

fn bodies() -> Vec<Row> {
    let execute = |body: &[u8]| request("POST /execute", &[], body);
    vec![
        ("an empty body", 400, execute(b"")),
        ("no JSON", 400, execute(b"command=cat")),
        ("cut off", 400, execute(br#"{"command":"cat""#)),
        ("a list", 400, execute(b"[]")),
        ("a number", 400, execute(b"1")),
        ("something behind", 400, execute(br#"{"command":"cat"} x"#)),
        ("a field twice", 400, execute(br#"{"command":"cat","command":"bash"}"#)),
        ("a command that is a number", 400, execute(br#"{"command":1}"#)),
        ("arguments that are text", 400, execute(br#"{"command":"cat","args":"-n"}"#)),
        ("an argument that is null", 400, execute(br#"{"command":"cat","args":[null]}"#)),
        ("variables as a list", 400, execute(br#"{"command":"cat","env":["A=b"]}"#)),
        ("a variable that is a number", 400, execute(br#"{"command":"cat","env":{"A":1}}"#)),
        ("input that is no base64", 400, execute(br#"{"command":"cat","stdin":"%%%"}"#)),
        ("input without padding", 400, execute(br#"{"command":"cat","stdin":"YQ"}"#)),
        ("input that is a list", 400, execute(br#"{"command":"cat","stdin":[1]}"#)),
        ("no UTF-8", 400, execute(b"{\"command\":\"cat\xff\"}")),
        ("nothing but nesting", 400, execute(&b"[".repeat(100_000))),
        ("input beyond all bounds", 413, execute(&[br#"{"stdin":""#.as_slice(), &b"A".repeat(24 << 20)].concat())),
        ("a megabyte too much", 413, {
            let input = STANDARD.encode(vec![0; (16 << 20) + 1]);
            execute(format!(r#"{{"command":"cat","stdin":"{input}"}}"#).as_bytes())
        }),
    ]
}

fn lines() -> Vec<Row> {
    let bare = |line: &str| request(line, &[TE], b"");
    vec![
        ("another route", 404, bare("GET /")),
        ("a route below", 404, bare("POST /v1/run/cat")),
        ("a slash behind", 404, bare("POST /v1/run/")),
        ("two slashes", 404, bare("POST //v1/run")),
        ("a way around", 404, bare("POST /v1/../execute")),
        ("an encoded slash", 404, bare("POST /v1%2frun")),
        ("the Go language's profiles", 404, bare("GET /debug/pprof/")),
        ("GET for a command", 405, bare("GET /v1/run")),
        ("GET for a command of the other format", 405, bare("GET /execute?command=cat")),
        ("PUT", 405, bare("PUT /v1/run")),
        ("OPTIONS", 405, bare("OPTIONS /v1/transform")),
        ("a method of nobody's", 405, bare("RUN /v1/run")),
        ("POST for health", 405, bare("POST /health")),
        ("no request", 400, b"cat /etc/passwd\r\n\r\n".to_vec()),
        ("another protocol", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("another version", 400, b"POST /v1/run HTTP/7.0\r\n\r\n".to_vec()),
        ("a NUL in a header", 400, request("POST /v1/run", &[TE, ("x", "a\0b")], b"")),
        ("a header of two lines", 400, request("POST /v1/run", &[TE, ("x", "a\r\n b")], b"")),
        ("two lengths", 400, {
            let lengths = [("content-length", "5"), ("content-length", "6")];
            request("POST /execute", &lengths, b"hello!")
        }),
        ("a length below zero", 400, request("POST /execute", &[("content-length", "-1")], b"")),
        ("a length and chunks", 400, {
            let both = [("content-length", "5"), ("transfer-encoding", "chunked")];
            request("POST /execute", &both, b"0\r\n\r\nPOST /execute HTTP/1.1\r\n\r\n")
        }),
        ("an encoding of nobody's", 400, request("POST /execute", &[("transfer-encoding", "gzip")], b"")),
        ("chunks that are none", 400, {
            request("POST /execute", &[("transfer-encoding", "chunked")], b"zz\r\nhello\r\n")
        }),
    ]
}

#[tokio::test]
async fn what_is_no_request_is_refused() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let rows: Vec<Row> = [headers(), bodies(), lines()].into_iter().flatten().collect();
    ensure!(rows.len() >= 60, "{} rows", rows.len());
    for (what, status, request) in rows {
        let answer = sidecar.ask(&request).await?;
        ensure!(answer.status == status, "{what}: {answer:?}");
    }
    super::what_is_right_runs(&sidecar).await
}
