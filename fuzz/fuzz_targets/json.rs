//! Our JSON reader against serde_json: what one reads the other reads too, and the same; what is written reads back.

#![no_main]

use flux_externalsource::transform::fuzzing::{json_again, yaml_again};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let theirs = serde_json::from_str::<serde_json::Value>(text);
    match (json_again(text), theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&ours).unwrap(), theirs);
            // A number that YAML has no type for may come back as another one, but never stops to be readable.
            if let Err(error) = yaml_again(text) {
                assert!(error.contains("too long for YAML"), "{error}");
            }
        }
        // Numbers beyond a double, halves of pairs, and more depth are ours alone.
        (Ok(_), Err(_)) => {}
        // Its limit is lower than ours.
        (Err(error), Ok(_)) => panic!("refused: {error}"),
        (Err(_), Err(_)) => {}
    }
});
