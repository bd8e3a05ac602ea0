//! Any text as a jq program: compiles or is refused; and where it is sure to end soon, runs over a small document, always
//! with the same result, without a panic, and without an error that shows a value.

#![no_main]

use flux_externalsource::transform::fuzzing::{DOCUMENT, canary, compile_jq, evaluate};
use flux_externalsource::transform::{Output, Program, Step, Steps};
use libfuzzer_sys::fuzz_target;

/// What recursion, and loops without end, are made of.
const UNBOUNDED: [&str; 14] = [
    "def", "repeat", "range", "recurse", "until", "while", "limit", "combinations", "walk", "..", "foreach", "reduce",
    "paths", "stream",
];

/// Long programs can multiply their results beyond all bounds, and long numbers the length of a text.
fn ends_soon(source: &str) -> bool {
    let longest = source.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    source.len() <= 64 && longest <= 2 && !UNBOUNDED.iter().any(|word| source.contains(word))
}

fuzz_target!(|source: &str| {
    let compiled = compile_jq(source);
    if compiled.is_err() || !ends_soon(source) {
        return;
    }
    for output in [Output::Json, Output::Yaml] {
        let program = Program::Transform(Steps { steps: vec![Step::Jq(source.to_owned())], output, files: false });
        let first = evaluate(&program, DOCUMENT);
        if let Err(problem) = &first {
            canary(problem, b"c4n4ry", 6);
        }
        assert_eq!(first, evaluate(&program, DOCUMENT), "another result of the same program");
    }
});
