//! Any text as a document: read as JSON or YAML or refused, without a panic, and an error shows nothing of it.

#![no_main]

use flux_externalsource::transform::fuzzing::{canary, evaluate};
use flux_externalsource::transform::{Output, Program, Steps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let program = Program::Transform(Steps { steps: Vec::new(), output: Output::Yaml, files: body.len() % 2 == 0 });
    let first = evaluate(&program, body);
    if let Err(problem) = &first {
        // Long enough not to be in a message by chance.
        canary(problem, body, 12);
    }
    assert_eq!(first, evaluate(&program, body), "another result of the same document");
});
