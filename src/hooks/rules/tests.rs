//! Which rules are in force, whatever becomes of the file. That changes are seen is shown against the running sidecar.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::hooks::Command;
use crate::hooks::whitelist::User;

struct Place(TempDir);

impl Place {
    fn new(text: &str) -> (Self, Rules) {
        let place = Self(tempfile::tempdir().unwrap());
        place.write(text);
        let rules = Rules::open(place.path(), Finder::new(User::of_process(true)));
        (place, rules)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("whitelist.yaml")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }
}

fn allows(rules: &Rules, name: &str) -> bool {
    let command = Command { name: name.to_owned(), args: Vec::new(), env: Vec::new(), timeout: None };
    rules.current().check(&command).is_ok()
}

const JQ: &str = "commands: {jq: {allowed: true, argumentPatterns: [a]}}";
const YQ: &str = "commands: {yq: {allowed: true, argumentPatterns: [a]}}";

#[test]
fn a_broken_file_keeps_the_old_rules_until_it_is_mended() {
    let (place, rules) = Place::new(JQ);
    assert!(allows(&rules, "jq") && rules.problem().is_none());
    for broken in ["commands: [", "commands: {jq: {allowed: true, argumentPatterns: ['(']}}", &" ".repeat(MAX_FILE + 1)]
    {
        place.write(broken);
        rules.reload();
        assert!(allows(&rules, "jq"));
        let problem = rules.problem().unwrap();
        assert!(problem.contains("whitelist.yaml") && problem.ends_with("; the old rules stay in force"), "{problem}");
    }
    fs::remove_file(place.path()).unwrap();
    rules.reload();
    assert!(allows(&rules, "jq") && rules.problem().unwrap().contains("cannot be read"));
    // The very text that is in force ends the problem too.
    place.write(JQ);
    rules.reload();
    assert!(allows(&rules, "jq") && rules.problem().is_none());
    place.write(YQ);
    rules.reload();
    assert!(allows(&rules, "yq") && !allows(&rules, "jq") && rules.problem().is_none());
    // An empty one is one that allows nothing.
    place.write("");
    rules.reload();
    assert!(!allows(&rules, "yq") && rules.problem().is_none());
}

#[test]
fn without_a_usable_file_nothing_is_allowed() {
    let (place, rules) = Place::new("commands: [");
    assert!(!allows(&rules, "jq"));
    assert!(rules.problem().unwrap().ends_with("; nothing is allowed"));
    place.write("commands: {");
    rules.reload();
    assert!(rules.problem().unwrap().ends_with("; nothing is allowed"));
    assert_eq!(rules.unusable(), rules.problem());
    place.write(JQ);
    rules.reload();
    assert!(allows(&rules, "jq") && rules.problem().is_none() && rules.unusable().is_none());
    place.write("commands: {");
    rules.reload();
    assert!(rules.problem().is_some() && rules.unusable().is_none(), "the old rules are in force");
    let none = Rules::none();
    none.reload();
    assert!(!allows(&none, "jq") && none.problem().is_none() && none.unusable().is_none());
}

#[test]
fn a_rule_in_force_is_not_taken_from_who_looks_at_it() {
    let (place, rules) = Place::new(JQ);
    let before = rules.current();
    place.write(YQ);
    rules.reload();
    assert_eq!((before.len(), Arc::ptr_eq(&before, &rules.current())), (1, false));
}
