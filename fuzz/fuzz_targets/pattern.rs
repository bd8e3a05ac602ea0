//! A pattern and an argument: what is allowed matches from its first to its last character, whatever the pattern says.

#![no_main]

use flux_externalsource::hooks::Command;
use flux_externalsource::hooks::whitelist::{Finder, User, Whitelist};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, &str)| {
    let (pattern, argument) = data;
    let rules = serde_json::json!({"commands": {"jq": {"allowed": true, "argumentPatterns": [pattern]}}});
    let Ok(whitelist) = Whitelist::parse(&rules.to_string(), &Finder::new(User::of_process(false))) else { return };
    let command =
        Command { name: "jq".to_owned(), args: vec![argument.to_owned()], env: Vec::new(), timeout: None };
    // Classes of characters are those of ASCII there, and of Unicode here.
    if whitelist.check(&command).is_ok() && !pattern.contains('\\') {
        let whole = regex::Regex::new(&format!(r"\A(?:{pattern})\z")).expect("it was accepted");
        assert!(whole.is_match(argument), "{pattern:?} allows {argument:?}");
        assert!(!argument.contains('\0'), "an argument with a NUL is allowed");
    }
});
