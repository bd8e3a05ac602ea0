//! Any text as a whitelist: rules or refused, without a panic; and what it allows is a command that it names.

#![no_main]

use flux_externalsource::hooks::Command;
use flux_externalsource::hooks::whitelist::{Finder, User, Whitelist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(whitelist) = Whitelist::parse(text, &Finder::new(User::of_process(false))) else { return };
    let _ = whitelist.warnings();
    for name in ["jq", "yq", "sh", "/bin/sh", "../bin/sh", "jq\n", ""] {
        for argument in ["", ".", "-f\0", "c4n4ry\n;", "--c4n4ry=/etc/passwd"] {
            let args = vec![argument.to_owned()];
            let command = Command { name: name.to_owned(), args, env: Vec::new(), timeout: None };
            match whitelist.check(&command) {
                Ok(_) => assert!(!argument.contains('\0') && !whitelist.is_empty(), "{command:?} is allowed"),
                Err(denial) => assert!(!denial.to_string().contains("c4n4ry") || text.contains("c4n4ry"), "{denial}"),
            }
        }
    }
});
