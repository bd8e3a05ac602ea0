//! Requests that nobody should send, each refused with the status and the kind that say why.

mod malformed;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::http::{execute, run};
use super::sidecar::{Place, Sidecar};

/// What would be seen if anything ran: each of these commands would say it.
const CANARY: &str = "canary-7f3a";

/// One command that must not run.
struct Case {
    what: &'static str,
    command: Value,
    args: Value,
    env: Vec<(String, String)>,
    timeout: &'static str,
    status: u16,
    kind: &'static str,
}

impl Case {
    fn of(what: &'static str, status: u16, kind: &'static str) -> Self {
        Self { what, command: json!("cat"), args: json!([]), env: Vec::new(), timeout: "5s", status, kind }
    }

    /// Another command.
    fn command(what: &'static str, command: &str) -> Self {
        Self { command: json!(command), ..Self::of(what, 403, "unknownCommand") }
    }

    /// Arguments that `cat`, which may have -n alone, must not have.
    fn args(what: &'static str, args: &[&str]) -> Self {
        Self { args: json!(args), ..Self::of(what, 403, "denied") }
    }

    /// An environment that no command may have.
    fn variable(name: &'static str) -> Self {
        Self { env: vec![(name.to_owned(), CANARY.to_owned())], ..Self::of(name, 403, "denied") }
    }

    fn malformed(what: &'static str) -> Self {
        Self::of(what, 400, "malformed")
    }

    fn limit(what: &'static str, timeout: &'static str) -> Self {
        Self { timeout, ..Self::malformed(what) }
    }

    /// As both routes take it.
    fn requests(&self) -> [Vec<u8>; 2] {
        let variables: Vec<_> = self.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let wire = json!({"command": self.command, "args": self.args, "env": variables, "timeout": self.timeout});
        // By hand: a map of serde's would lose what is there twice.
        let pairs = self.env.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value)));
        let map = pairs.collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"command":{},"args":{},"env":{{{map}}},"timeout":{},"stdin":"Y2FuYXJ5LTdmM2E="}}"#,
            self.command,
            self.args,
            json!(self.timeout)
        );
        let headers = [("content-type", "application/json")];
        [run(&wire, CANARY.as_bytes()), super::http::request("POST /execute", &headers, body.as_bytes())]
    }
}

fn commands(place: &Place) -> Vec<Case> {
    let folder = place.folder.path().display();
    let link: &'static str = format!("{folder}/link").leak();
    vec![
        Case::command("a command that is not named", "id"),
        Case::command("the path of one that is", "/usr/bin/cat"),
        Case::command("a path with its name at the end", "/tmp/cat"),
        Case::command("a relative path", "./cat"),
        Case::command("a path upwards", "../../usr/bin/cat"),
        Case::command("a path around", "/usr/bin/../bin/cat"),
        Case::command("two slashes", "//usr/bin/cat"),
        Case::command("a slash behind", "cat/"),
        Case::command("the process itself", "/proc/self/exe"),
        Case::command("our own subcommand", "sandbox"),
        Case::command("our own built-ins", "builtin"),
        Case::command("a line behind", "cat\n"),
        Case::command("a line before", "\ncat"),
        Case::command("a space behind", "cat "),
        Case::command("a space before", " cat"),
        Case::command("a tab", "cat\t-n"),
        Case::command("a NUL behind", "cat\0"),
        Case::command("upper case", "CAT"),
        Case::command("a letter that looks the same", "c\u{0430}t"),
        Case::command("a combining mark", "cat\u{0301}"),
        Case::command("an invisible character", "cat\u{200b}"),
        Case::command("with an argument", "cat -n"),
        Case::command("two of them", "cat;id"),
        Case::command("a pipe", "cat|id"),
        Case::command("a substitution", "$(id)"),
        Case::command("a backslash", "\\cat"),
        Case::command("a pattern", "ca*"),
        Case::command("nothing", ""),
        Case::command("a dot", "."),
        Case::command("two dots", ".."),
        Case::command("the root", "/"),
        Case::command("a link to one that is allowed", link),
        Case { command: json!("rm"), ..Case::of("one that is forbidden", 403, "denied") },
        Case { command: json!("silent"), ..Case::of("one that nothing is said about", 403, "denied") },
        Case { command: json!("missing"), ..Case::of("one that is not installed", 403, "notInstalled") },
        Case { command: json!("ours"), ..Case::of("one that the sidecar could replace", 403, "notInstalled") },
        Case { command: json!("linked"), ..Case::of("one behind a link that could be replaced", 403, "notInstalled") },
        Case { command: json!("folder"), ..Case::of("a folder", 403, "notInstalled") },
        Case { command: json!("plain"), ..Case::of("a file that is no program", 403, "notInstalled") },
        Case { command: json!("x".repeat(100_000)), ..Case::of("a very long one", 403, "unknownCommand") },
    ]
}

fn arguments() -> Vec<Case> {
    let head = |what, args: &[&str]| Case { command: json!("head"), ..Case::args(what, args) };
    let too_long = "n".repeat(131_072);
    let long = "n".repeat(100_000);
    vec![
        Case::args("another option", &["-e"]),
        Case::args("a longer option", &["--show-all"]),
        Case::args("more letters in the option", &["-nA"]),
        Case::args("a file", &["/proc/self/environ"]),
        Case::args("standard input by name", &["-"]),
        Case::args("the end of options", &["--", "/proc/self/environ"]),
        Case::args("an allowed one before", &["-n", "/etc/passwd"]),
        Case::args("an allowed one behind", &["/etc/passwd", "-n"]),
        Case::args("both in one", &["-n /etc/passwd"]),
        Case::args("both on two lines", &["-n\n/etc/passwd"]),
        Case::args("a line behind", &["-n\n"]),
        Case::args("a line before", &["\n-n"]),
        Case::args("a carriage return", &["-n\r"]),
        Case::args("something before", &["x-n"]),
        Case::args("an empty one", &[""]),
        Case::args("a substitution", &["$(id)"]),
        Case::args("backquotes", &["`id`"]),
        Case::args("another dash", &["\u{2011}n"]),
        head("digits of another script", &["-n", "\u{0661}"]),
        head("an unanchored pattern", &["-n", "1/etc/passwd"]),
        head("half of an alternation", &["-c", "1"]),
        head("a pattern that is anchored by lines", &["-v\n/etc/passwd"]),
        head("half of an alternation behind something", &["x-q"]),
        Case { args: json!(["a\0b"]), ..Case::malformed("a NUL") },
        Case { args: json!(["-n\0"]), ..Case::malformed("a NUL behind an allowed one") },
        Case { args: json!(vec!["-n"; 257]), ..Case::malformed("too many") },
        Case { args: json!([too_long]), ..Case::malformed("one that is too long") },
        Case { args: json!([long, long, long]), ..Case::malformed("more than fits together") },
    ]
}

fn environments() -> Vec<Case> {
    let with = |what, env: &[(&str, &str)]| {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Case { env, ..Case::malformed(what) }
    };
    let mut cases: Vec<_> = [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "GLIBC_TUNABLES",
        "GCONV_PATH",
        "LOCPATH",
        "MALLOC_TRACE",
        "BASH_ENV",
        "ENV",
        "SHELLOPTS",
        "PS4",
        "IFS",
        "PATH",
        "PERL5OPT",
        "PYTHONPATH",
        "RUBYOPT",
        "NODE_OPTIONS",
        "JAVA_TOOL_OPTIONS",
        "LUA_INIT",
        "GIT_SSH_COMMAND",
        "LESSOPEN",
        "OPENSSL_CONF",
        "HTTPS_PROXY",
        "no_proxy",
    ]
    .into_iter()
    .map(Case::variable)
    .collect();
    let many: Vec<_> = (0..257).map(|i| (format!("A{i}"), String::new())).collect();
    cases.extend([
        with("no name", &[("", CANARY)]),
        with("= in a name", &[("A=B", CANARY)]),
        with("a NUL in a name", &[("A\0", CANARY)]),
        with("a line in a name", &[("A\nLD_PRELOAD", CANARY)]),
        with("a digit first", &[("1A", CANARY)]),
        with("an exported function", &[("BASH_FUNC_cat%%", "() { id; }")]),
        with("the same name twice", &[("A", "1"), ("A", CANARY)]),
        with("a NUL in a value", &[("A", "a\0b")]),
        with("a value that is too long", &[("A", &"x".repeat(131_070))]),
        Case { env: many, ..Case::malformed("too many") },
    ]);
    cases
}

fn limits() -> Vec<Case> {
    vec![
        Case::limit("no time", "0s"),
        Case::limit("less than no time", "-1s"),
        Case::limit("no duration", "soon"),
        Case::limit("an exponent", "1e9s"),
        Case::limit("no unit", "30"),
        Case::limit("centuries", "9999999999h"),
        Case::limit("a line behind", "5s\n"),
    ]
}

/// A whitelist whose patterns people would write, over programs that could be replaced.
fn place() -> Result<Place> {
    let place = Place::new("")?;
    let work = place.path("work");
    fs::write(work.join("ours"), format!("#!/bin/sh\necho {CANARY}\n"))?;
    fs::set_permissions(work.join("ours"), Permissions::from_mode(0o755))?;
    symlink("/usr/bin/cat", work.join("linked"))?;
    symlink("/usr/bin/cat", place.path("link"))?;
    fs::set_permissions(&work, Permissions::from_mode(0o777))?;
    let work = work.display();
    let whitelist = format!(
        r#"
commands:
  cat: {{allowed: true, argumentPatterns: ["-n"]}}
  head:
    allowed: true
    argumentPatterns: ["-n", "^\\d+", "^-q|-v$", "(?m)^-v$"]
  rm: {{allowed: false}}
  silent: {{}}
  missing: {{allowed: true}}
  ours: {{allowed: true, path: {work}/ours}}
  linked: {{allowed: true, path: {work}/linked}}
  folder: {{allowed: true, path: /usr/bin}}
  plain: {{allowed: true, path: /etc/passwd}}
"#
    );
    fs::write(place.path("etc/whitelist.yaml"), whitelist)?;
    Ok(place)
}

/// What the table's requests are but for what is wrong with them.
async fn what_is_right_runs(sidecar: &Sidecar) -> Result<()> {
    let right = json!({"command": "cat", "args": ["-n"], "env": [{"name": "A", "value": "b"}], "timeout": "5s"});
    let answer = sidecar.ask(&run(&right, CANARY.as_bytes())).await?;
    ensure!(answer.status == 200 && answer.text.contains(CANARY), "{answer:?}");
    ensure!(answer.text.contains("\r\nexternalsource-exit-code: 0\r\n"), "{answer:?}");
    let right = json!({"command": "head", "args": ["-n", "1"], "env": {"A": "b"}, "timeout": "5s", "stdin": "YQ=="});
    let answer = sidecar.ask(&execute(&right)).await?;
    ensure!(answer.status == 200 && answer.decoded("stdout")? == "a", "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn no_hostile_command_runs() -> Result<()> {
    let place = place()?;
    let cases: Vec<_> = [commands(&place), arguments(), environments(), limits()].into_iter().flatten().collect();
    ensure!(cases.len() >= 100, "{} cases", cases.len());
    let sidecar = place.start().await?;
    what_is_right_runs(&sidecar).await?;
    for case in &cases {
        for request in case.requests() {
            let answer = sidecar.ask(&request).await?;
            ensure!((answer.status, answer.kind().as_str()) == (case.status, case.kind), "{}: {answer:?}", case.what);
            ensure!(!answer.text.contains(CANARY), "{}: it says what it was given: {answer:?}", case.what);
        }
    }
    what_is_right_runs(&sidecar).await?;
    let log = sidecar.process.log()?;
    ensure!(!log.contains(CANARY), "the log holds what was asked: {log}");
    Ok(())
}
