//! Any text as a CEL expression, as a step and as an assertion: compiles or is refused, gives the same over a small
//! document every time, without a panic, and without an error that shows a value.

#![no_main]

use std::collections::BTreeMap;

use flux_externalsource::transform::fuzzing::{DOCUMENT, canary, evaluate};
use flux_externalsource::transform::{Assertions, Output, Program, Step, Steps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    // Comprehensions multiply: over two items each, this many still end.
    if source.len() > 160 || source.matches("body").count() > 12 {
        return;
    }
    let headers = BTreeMap::from([("x-token".to_owned(), "c4n4ry".to_owned())]);
    for program in [
        Program::Transform(Steps { steps: vec![Step::Cel(source.to_owned())], output: Output::Json, files: false }),
        Program::Assert(Assertions { expressions: vec![source.to_owned()], status: 200, headers }),
    ] {
        let first = evaluate(&program, DOCUMENT);
        if let Err(problem) = &first
            && !source.contains("c4n4ry")
        {
            canary(problem, b"c4n4ry", 6);
        }
        assert_eq!(first, evaluate(&program, DOCUMENT), "another result of the same expression");
    }
});
