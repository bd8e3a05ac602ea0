//! Any bytes as what the built-in `transform` reads: a frame or refused, without a panic.

#![no_main]

use flux_externalsource::transform::frame::prefix;
use flux_externalsource::transform::fuzzing::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    if let Ok((program, body)) = split(frame.to_vec()) {
        // What was understood is written as something that is understood the same.
        let again = [&prefix(&program).unwrap()[..], &body].concat();
        assert_eq!(split(again).unwrap(), (program, body));
    }
});
