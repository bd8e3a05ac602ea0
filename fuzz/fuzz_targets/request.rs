//! Any bytes as what the sidecar is sent: the command in a header, and the body of `POST /execute`.

#![no_main]

use flux_externalsource::hooks::wire::{command_of, command_value};
use flux_externalsource::sidecar::decode_execute;
use http::HeaderValue;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_execute(bytes);
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    if let Ok(command) = command_of(&value) {
        // What was understood is sent as something that is understood the same.
        let sent = command_value(&command).expect("it can be sent");
        assert!(command_of(&sent).is_ok_and(|again| again == command), "another command arrives");
    }
});
