//! What whitelists allow, and what they refuse.

use proptest::prelude::*;

use super::*;

/// Nothing is installed but what is built in, so that no test depends on this machine.
fn finder() -> Finder {
    Finder::new(User::of_process(true)).without_folders()
}

fn whitelist(text: &str) -> Whitelist {
    Whitelist::parse(text, &finder()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn command(name: &str, args: &[&str]) -> Command {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Command { name: name.to_owned(), args, env: Vec::new(), timeout: None }
}

fn is_allowed(whitelist: &Whitelist, name: &str, args: &[&str]) -> bool {
    whitelist.check(&command(name, args)).is_ok()
}

const JQ: Allowed = Allowed { program: Executable::BuiltIn(BuiltIn::Jq), network: false };

#[test]
fn the_go_implementations_format_means_the_same() {
    let any = whitelist("commands:\n  jq:\n    allowed: true\n");
    assert_eq!(any.check(&command("jq", &[".field", "-r", "anything at all\n"])), Ok(JQ));
    let some = whitelist("commands: {jq: {allowed: true, argumentPatterns: ['^\\..*', '^-[a-z]$']}}");
    assert_eq!(some.check(&command("jq", &[".field", "-r"])), Ok(JQ));
    assert_eq!(some.check(&command("jq", &[])), Ok(JQ));
    let denied = Denial::Argument { command: "jq".into(), number: 2 };
    assert_eq!(some.check(&command("jq", &[".", "invalid"])), Err(denied));
    for text in [
        "commands: {jq: {allowed: false}}",
        "commands: {jq: {}}",
        "commands: {jq: }",
        "commands: {jq: {argumentPatterns: [a]}}",
    ] {
        assert_eq!(whitelist(text).check(&command("jq", &["a"])), Err(Denial::Forbidden("jq".into())), "{text}");
    }
    for text in ["", "# nothing\n", "commands:\n", "commands: {}", "{}", "commands: {yq: {allowed: yes}}"] {
        assert_eq!(whitelist(text).check(&command("jq", &["a"])), Err(Denial::Unknown("jq".into())), "{text}");
    }
}

#[test]
fn the_whitelists_that_the_go_implementation_ships_can_be_read() {
    let text = include_str!("../../../tests/fixtures/whitelist/go.yaml");
    let whitelist = whitelist(text);
    assert!(is_allowed(&whitelist, "jq", &["-r", ".items[]\n| .name"]));
    assert!(is_allowed(&whitelist, "yq", &["-P", "."]));
    assert!(!is_allowed(&whitelist, "yq", &["load(\"/etc/passwd\")"]));
    assert_eq!(whitelist.check(&command("rm", &[])), Err(Denial::Forbidden("rm".into())));
    // What it meant to forbid in a shell's script it does not: a pattern cannot.
    assert!(matches!(whitelist.check(&command("bash", &["-c", "a; b"])), Err(Denial::Argument { number: 2, .. })));
}

#[test]
fn a_command_is_its_exact_name() {
    let whitelist = whitelist("commands: {jq: {allowed: true}, /opt/tool: {allowed: true}}");
    for name in [
        "/usr/bin/jq",
        "./jq",
        "../jq",
        "bin/jq",
        "/tmp/jq",
        "//jq",
        "jq/",
        "jq ",
        " jq",
        "jq\n",
        "jq\0",
        "JQ",
        "j\u{0261}q",
        "jq;",
        "jq -r",
        "",
        "/",
        "tool",
        "/opt//tool",
        "/opt/./tool",
        "/opt/x/../tool",
    ] {
        assert_eq!(whitelist.check(&command(name, &[])), Err(Denial::Unknown(name.into())), "{name:?}");
    }
    let missing = Denial::NotInstalled { command: "/opt/tool".into(), looked: "/opt/tool".into() };
    assert_eq!(whitelist.check(&command("/opt/tool", &[])), Err(missing));
}

#[test]
fn sizes_are_bounded() {
    let whitelist = whitelist("commands: {jq: {allowed: true}}");
    let long = "a".repeat(MAX_ARGUMENT);
    assert!(is_allowed(&whitelist, "jq", &[&long, &long]));
    let longer = long.clone() + "a";
    let check = |args: &[&str]| whitelist.check(&command("jq", args)).unwrap_err();
    assert_eq!(check(&["", &longer]), Denial::ArgumentTooLong(2));
    assert_eq!(check(&[&long, &long, "abc"]), Denial::TooLong(MAX_TOTAL));
    assert_eq!(check(&["a"; 257]), Denial::TooManyArguments(256));
    assert_eq!(check(&["a", "b\0c"]), Denial::ArgumentNul(2));
    let with_env = |name: &str, value: &str| {
        let env = vec![(name.to_owned(), value.to_owned())];
        whitelist.check(&Command { env, ..command("jq", &[]) })
    };
    assert_eq!(with_env("A", &long), Err(Denial::VariableTooLong(1)));
    assert_eq!(with_env("A", &long[2..]), Ok(JQ));
    assert_eq!(with_env("LD_PRELOAD", "x"), Err(Denial::Variable("LD_PRELOAD".into())));
}

#[test]
fn a_file_that_is_wrong_is_refused_as_a_whole_with_what_is_wrong() {
    for (text, said) in [
        ("commands: [", "cannot be understood"),
        ("commands: {jq: {allowed: perhaps}}", "cannot be understood"),
        ("commands: {jq: {allowed: true, alowed: false}}", "alowed"),
        ("commands: {jq: {allowed: true}}\ncomands: {}", "comands"),
        ("commands: {jq: {allowed: true}, jq: {allowed: false}}", "duplicate"),
        ("- jq", "cannot be understood"),
        ("commands: {jq: {allowed: true, argumentPatterns: ['[[invalid']}}", "\"jq\" argumentPatterns[0] holds"),
        ("commands: {jq: {allowed: true, argumentPatterns: [a, '(']}}", "\"jq\" argumentPatterns[1] is no regular"),
        ("commands: {jq: {allowed: true, path: bin/jq}}", "\"jq\" has a path that is not absolute"),
        ("commands: {bin/jq: {allowed: true}}", "\"bin/jq\" is a relative path"),
        ("commands: {/opt/../jq: {allowed: true}}", "is no path that says where it leads"),
        ("commands: {/opt/jq: {allowed: true, path: /bin/jq}}", "is a path already"),
        ("commands: {'': {allowed: true}}", "\"\" is no name"),
        ("commands: {'..': {allowed: true}}", "\"..\" is no path"),
        ("commands: {\"a\\nb\": {allowed: true}}", "is no name"),
        ("a: &a [*a]", "cannot be understood"),
        ("{}\n---\n{}", "cannot be understood"),
    ] {
        let message = Whitelist::parse(text, &finder()).unwrap_err().to_string();
        assert!(message.contains(said) && !message.contains('\n'), "{text}: {message}");
    }
    let many = (0..257).map(|i| format!("c{i}: {{}}")).collect::<Vec<_>>().join(", ");
    let message = Whitelist::parse(&format!("commands: {{{many}}}"), &finder()).unwrap_err().to_string();
    assert_eq!(message, "has more than 256 commands");
    let patterns = "a, ".repeat(501);
    let text = format!("commands: {{a: {{argumentPatterns: [{patterns}]}}, b: {{argumentPatterns: [{patterns}]}}}}");
    assert_eq!(Whitelist::parse(&text, &finder()).unwrap_err().to_string(), "has more than 1000 argumentPatterns");
    assert_eq!(Whitelist::parse(&" ".repeat(MAX_FILE + 1), &finder()).unwrap_err(), WhitelistError::TooLarge);
}

#[test]
fn what_is_allowed_and_odd_is_told() {
    let whitelist = whitelist(
        "commands: {jq: {allowed: true}, curl: {allowed: true, argumentPatterns: [a], network: true}, rm: {}, \
         yq: {allowed: true, argumentPatterns: [a]}}",
    );
    let warnings = whitelist.warnings();
    let [("curl", missing), ("jq", open)] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(missing.starts_with("\"curl\" is allowed, but there is no such program"), "{missing}");
    assert_eq!(open, "\"jq\" has no argumentPatterns: every argument is allowed");
}

#[test]
fn no_denial_holds_an_argument_or_a_value() {
    let whitelist = whitelist("commands: {jq: {allowed: true, argumentPatterns: [a]}}");
    let secret = "hunter2";
    for (args, name, value) in [
        (vec![secret], "A", ""),
        (vec!["hunter2\0"], "A", ""),
        (vec!["a"], "A", "hunter2\0"),
        (vec!["a"], "LD_X", secret),
        (vec!["a"], "=hunter2", secret),
    ] {
        let env = vec![(name.to_owned(), value.to_owned())];
        let denial = whitelist.check(&Command { env, ..command("jq", &args) }).unwrap_err();
        assert!(!denial.to_string().contains(secret), "{denial}");
    }
    let long = format!("{}{secret}", "x".repeat(64));
    let denial = whitelist.check(&command(&long, &[])).unwrap_err().to_string();
    assert!(denial.contains("xxx...") && !denial.contains(secret), "{denial}");
}

proptest! {
    /// Whatever is asked for, only what the rules say is allowed.
    #[test]
    fn nothing_else_is_ever_allowed(name in "(jq|yq|/bin/jq|.{0,6})", args in prop::collection::vec("(?s)(-[a-z]|\\.[a-z\n]*|.{0,6})", 0..4)) {
        let whitelist = whitelist("commands: {jq: {allowed: true, argumentPatterns: ['-[a-z]', '\\.[a-z]+']}, yq: {}}");
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let fits = |arg: &&str| {
            let rest = |first| arg.strip_prefix(first).filter(|rest: &&str| rest.bytes().all(|byte| byte.is_ascii_lowercase()));
            rest('-').is_some_and(|rest| rest.len() == 1) || rest('.').is_some_and(|rest| !rest.is_empty())
        };
        let expected = name == "jq" && args.iter().all(fits);
        prop_assert_eq!(is_allowed(&whitelist, &name, &args), expected);
    }

    /// No text makes reading panic.
    #[test]
    fn any_text_is_a_whitelist_or_an_error(text in "(commands|allowed|argumentPatterns|path|true|jq|[\\[\\]{}:, \n&*!<|>'\"/-]){0,40}") {
        let _ = Whitelist::parse(&text, &finder());
    }
}
