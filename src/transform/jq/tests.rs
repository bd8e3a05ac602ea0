//! See the module.

use super::super::value::read::{document, documents};
use super::{compile, run};

/// Every result as a line; the message of an error after `!`.
fn results(source: &str, input: &str) -> Result<Vec<String>, String> {
    let filter = compile(source, &[])?;
    let (results, failures) = (std::cell::RefCell::new(Vec::new()), "!");
    let emit = |value: super::Val| {
        results.borrow_mut().push(value.to_json());
        Ok::<_, ()>(())
    };
    let fail = |message: String| {
        results.borrow_mut().push(format!("{failures}{message}"));
        Ok(())
    };
    run(&filter, &[], documents(input).unwrap().into_iter(), false, emit, fail).unwrap();
    Ok(results.into_inner())
}

/// Programs, and what jq 1.6 makes of them over the document in the first line of the file. Where 1.7 has it better, or
/// numbers keep their digits, the file says so.
const TABLE: &str = include_str!("tests/table.txt");

#[test]
fn programs_give_what_jq_gives() {
    let mut lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let input = lines.next().unwrap();
    let mut count = 0;
    for line in lines {
        let (source, expected) = line.split_once(" ==> ").unwrap_or_else(|| panic!("{line}"));
        let expected: Vec<_> = if expected == "nothing" { Vec::new() } else { expected.split(" ; ").collect() };
        assert_eq!(results(source, input).as_deref().unwrap(), expected, "{source}");
        count += 1;
    }
    assert!(count > 250, "{count} programs");
}

#[test]
#[ignore = "needs the command jq 1.6: just test-jq"]
fn the_command_jq_gives_what_the_table_says() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let version = Command::new("jq").arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&version.stdout).trim(), "jq-1.6");
    let mut lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let input = lines.next().unwrap();
    for line in lines {
        let (source, expected) = line.split_once(" ==> ").unwrap();
        let mut jq = Command::new("jq");
        let mut jq = jq.args(["-c", source]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        jq.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = String::from_utf8(jq.wait_with_output().unwrap().stdout).unwrap();
        let results = output.lines().collect::<Vec<_>>().join(" ; ");
        assert_eq!(results, expected.replace("nothing", ""), "{source}");
    }
}

#[test]
fn inputs_are_taken_one_by_one() {
    assert_eq!(results("[., input]", "1 2 3 4").unwrap(), ["[1,2]", "[3,4]"]);
    assert_eq!(results("[., inputs]", "1 2 3").unwrap(), ["[1,2,3]"]);
    assert_eq!(results("input", "1").unwrap(), ["!no more inputs"]);
    assert_eq!(results(".", "").unwrap(), [""; 0]);
}

#[test]
fn an_error_ends_the_run_over_its_input_only() {
    assert_eq!(results("., error(\"x\"), 9", "1 2").unwrap(), ["1", "!x", "2", "!x"]);
}

#[test]
fn deletions_keep_the_order_of_what_stays() {
    let object = r#"{"a":1,"b":2,"c":3,"d":4}"#;
    for (source, expected) in [
        ("del(.a)", r#"{"b":2,"c":3,"d":4}"#),
        ("del(.a, .c)", r#"{"b":2,"d":4}"#),
        (".b |= empty", r#"{"a":1,"c":3,"d":4}"#),
        ("with_entries(select(.value != 2))", r#"{"a":1,"c":3,"d":4}"#),
        ("delpaths([[\"a\"],[\"x\",\"y\"]])", r#"{"b":2,"c":3,"d":4}"#),
    ] {
        assert_eq!(results(source, object).unwrap(), [expected], "{source}");
    }
}

#[test]
fn numbers_keep_their_digits_until_they_are_calculated_with() {
    let input = "[1.50, 1e400, 123456789012345678901234567890]";
    assert_eq!(results(".", input).unwrap(), ["[1.50,1e400,123456789012345678901234567890]"]);
    assert_eq!(results("map(tostring)", input).unwrap(), [r#"["1.50","1e400","123456789012345678901234567890"]"#]);
    assert_eq!(results("map(. + 1)", input).unwrap(), ["[2.5,1.7976931348623157e+308,123456789012345678901234567891]"]);
    assert_eq!(results("9007199254740993, 9007199254740993 + 0", "1").unwrap(), ["9007199254740993"; 2]);
}

#[test]
fn what_reaches_beyond_the_document_does_not_exist() {
    for name in [
        "env",
        "env.PATH",
        "$ENV",
        "$ENV.PATH",
        "input_filename",
        "debug",
        "debug(1)",
        "stderr",
        "halt",
        "halt_error",
        "halt_error(1)",
        "now",
        "localtime",
        "strflocaltime(\"%H\")",
        "get_search_list",
        "modulemeta",
        "$__prog_args",
        "input_line_number",
        "debug_empty",
        "stderr_empty",
        "halt(3)",
    ] {
        let message = compile(name, &[]).err().unwrap_or_else(|| panic!("{name} compiles"));
        assert!(message.contains("not available") || message.contains("not defined"), "{name}: {message}");
    }
    for source in
        ["import \"a\" as a; 1", "include \"a\"; 1", "import \"a\" as $a; $a", "import \"/etc/passwd\" as $a; 1"]
    {
        let message = compile(source, &[]).err().unwrap_or_else(|| panic!("{source} compiles"));
        assert!(message.starts_with("import and include are not available"), "{source}: {message}");
    }
    // Somebody's own function of that name is his own.
    assert_eq!(results("def now: 7; now", "1").unwrap(), ["7"]);
}

#[test]
fn what_does_not_compile_is_pointed_at() {
    for (source, expected) in [
        (".a | foo", "function foo/0 is not defined at line 1, column 6"),
        (".a |\n  bar(1; 2)", "function bar/2 is not defined at line 2, column 3"),
        ("$x", "variable $x is not defined at line 1, column 1"),
        ("break $out", "label $out is not defined at line 1, column 7"),
        (".a | |", "term expected instead of \"|\" at line 1, column 6"),
        ("if . then 1", "else or end expected instead of the end"),
        ("(1", "closing parenthesis expected instead of the end"),
        ("\"a", "closing quote expected instead of the end"),
        ("1 }", "token expected instead of \"}\" at line 1, column 3"),
    ] {
        let message = compile(source, &[]).err().unwrap_or_else(|| panic!("{source} compiles"));
        assert!(message.starts_with(expected), "{source}: {message}");
    }
}

#[test]
fn every_function_of_jq_exists_or_is_withheld() {
    // `jq -n '[builtins] | sort'` of jq 1.6, less those that start with an underscore.
    const BUILTINS: &str = include_str!("tests/builtins.txt");
    let mut count = 0;
    for signature in BUILTINS.split_whitespace() {
        let (name, arity) = signature.split_once('/').unwrap();
        let arguments = vec!["."; arity.parse().unwrap()].join(";");
        let source = if arguments.is_empty() { name.to_owned() } else { format!("{name}({arguments})") };
        if let Err(message) = compile(&source, &[]) {
            assert!(message.contains("is not available"), "{signature}: {message}");
        }
        count += 1;
    }
    assert!(count > 150, "{count} functions");
}

#[test]
fn errors_name_types_and_no_values() {
    for (source, expected) in [
        (".a.b", "cannot index string with string"),
        (".[0]", "cannot index object with number"),
        (".a + 1", "cannot calculate string + number"),
        (".a[]", "cannot use string as array or object"),
        (".a | error", "a function failed, or error was called; the string that"),
        ("error(\"no \\(.a)\")", "a function failed, or error was called; the string that"),
        ("error(\"no items\")", "no items"),
        (".a | tonumber", "the text cannot be read as a number"),
        (".a | fromjson", "the text cannot be read as JSON"),
        (".a / 0", "cannot calculate string / number"),
        ("1 / (.a | length - 6)", "cannot divide by zero"),
        ("{(.n): 1}", "cannot use number as the key of an object"),
        ("true | length", "a value of type boolean has no length"),
        (".a |= .b", "cannot index string with string"),
        ("path(1)", "invalid path expression with input object"),
        (".a | test(\"(\")", "a regular expression cannot be used"),
        ("[.a] | implode", "cannot use string as integer"),
    ] {
        let found = results(source, r#"{"a":"CANARY","n":5}"#).unwrap();
        assert!(found.len() == 1 && found[0].starts_with(&format!("!{expected}")), "{source}: {found:?}");
    }
}

#[test]
fn what_catch_gets_is_the_error_itself() {
    assert_eq!(results("try error({a: 1}) catch .a", "1").unwrap(), ["1"]);
    assert_eq!(results("try error(\"x\\(.)\") catch .", "1").unwrap(), ["\"x1\""]);
    assert_eq!(results("try (1 | .a) catch .", "1").unwrap(), ["\"cannot index number with string\""]);
}

#[test]
fn a_value_that_is_read_once_is_not_changed_by_its_copies() {
    assert_eq!(results(". as $x | .a[0] = 9 | [., $x]", r#"{"a":[1,2]}"#).unwrap(), [r#"[{"a":[9,2]},{"a":[1,2]}]"#]);
    assert_eq!(document("[1]").unwrap().to_json(), "[1]");
}
