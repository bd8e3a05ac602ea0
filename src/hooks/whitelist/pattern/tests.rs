//! Patterns, where Go and Rust could differ.

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, argument: &str) -> bool {
    Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(argument)
}

#[test]
fn an_argument_has_to_match_from_end_to_end() {
    for (pattern, argument, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a", "ba", false),
        ("a", "a\n", false),
        ("a|b", "a", true),
        ("a|b", "ab", false),
        ("a|ab", "ab", true),
        ("^a|b$", "ax", false),
        ("^a|b$", "xb", false),
        ("(?m)^a$", "a", true),
        ("(?m)^a$", "b\na\nc", false),
        ("(?m)^a$|x", "x\na", false),
        ("(?s).*", "a\nb", true),
        (".*", "a\nb", false),
        ("^\\..*", ".a\n| b", false),
        ("(?i)a", "A", true),
        ("(?i)a|b", "B", true),
        ("(?i)a|b", "Bb", false),
        ("(?:a)|(?:b)", "ab", false),
        ("", "", true),
        ("", "a", false),
        ("a*?", "aaa", true),
        (r"a\z", "a", true),
        (r"\Aa", "a", true),
        (r"\(", "(", true),
        ("[)]", ")", true),
        ("[]a]+", "]a", true),
        ("[^]a]", "]", false),
    ] {
        assert_eq!(matches(pattern, argument), expected, "{pattern:?} {argument:?}");
    }
}

#[test]
fn what_only_becomes_a_pattern_by_our_parentheses_is_refused() {
    for pattern in ["a)|(b", "a)", "(a", "a)(?:b", "*", "?", "[a", "a\\", "(?i", "a{2", "(?:", r"\Qa\E", "(?=a)", r"\1"]
    {
        assert!(matches!(Pattern::new(pattern), Err(PatternError::Invalid(_))), "{pattern}");
    }
}

#[test]
fn what_go_reads_differently_is_refused() {
    for pattern in [
        "[^;&&|]+",
        "[a--b]",
        "[a~~b]",
        "[[a]]",
        "[^[]",
        "[a[:x]",
        "(?x)a # b",
        "(?ix:a)",
        "(?-u)a",
        "(?R)a$",
        r"\<a",
        r"a\>",
        r"\b{start}a",
        "a{,2}",
    ] {
        assert!(matches!(Pattern::new(pattern), Err(PatternError::Ambiguous(..))), "{pattern}");
    }
    for pattern in ["[[:alpha:]]", "[[:^digit:]a]", r"[\[\]&|]", "(?P<name>a)", "(?<name>a)", "(?U)a+", "(?s-i:a)"] {
        assert!(Pattern::new(pattern).is_ok(), "{pattern}");
    }
}

#[test]
fn classes_of_one_letter_are_ascii() {
    for (pattern, argument, expected) in [
        (r"\d+", "1234567890", true),
        (r"\d", "\u{0661}", false),
        (r"\w+", "aZ_9", true),
        (r"\w", "\u{e9}", false),
        (r"[\w.-]+", "a.b-c", true),
        (r"[\w.-]", "\u{e9}", false),
        (r"[^\w]", "\u{e9}", true),
        (r"[^\W]", "a", true),
        (r"[^\W]", "-", false),
        (r"\s", " ", true),
        (r"\s", "\u{a0}", false),
        (r"\S\D\W", "a-\u{e9}", true),
        (r"a\b.b", "a b", true),
        // A letter that is none for Go: behind it, `a` begins a word.
        (r".\ba", "\u{e9}a", true),
        (r".\Ba", "\u{e9}a", false),
        (r".\ba", "ea", false),
        (r".\B.", "\u{e9}\u{e9}", true),
        (r".\b.", "\u{e9}\u{e9}", false),
        (r"\B.\B", "\u{e9}", true),
        (r"a(?:\b)*", "a", true),
        (r"\\b", r"\b", true),
        (r"\\d", r"\d", true),
        (r"\\d", r"\1", false),
    ] {
        assert_eq!(matches(pattern, argument), expected, "{pattern:?} {argument:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(Pattern::new(&"a".repeat(MAX_PATTERN + 1)).unwrap_err(), PatternError::TooLong);
    let error = Pattern::new(".{100}{100}{100}").unwrap_err();
    assert_eq!(error, PatternError::Invalid("it compiles to too much".into()));
    assert!(Pattern::new(&"(".repeat(2000)).is_err());
    assert!(Pattern::new(&("(".repeat(2000) + &")".repeat(2000))).is_err());
}

proptest! {
    /// Whatever the pattern, an argument with something before or after a literal is not that literal.
    #[test]
    fn a_literal_matches_itself_alone(literal in "\\PC{1,20}", before in "\\PC{0,5}", after in "(?s).{0,5}") {
        let pattern = Pattern::new(&regex::escape(&literal)).unwrap();
        prop_assert!(pattern.matches(&literal));
        let longer = format!("{before}{literal}{after}");
        prop_assert_eq!(pattern.matches(&longer), longer == literal);
    }

    /// No text makes the reader panic, and what it accepts is accepted anchored.
    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "[\\[\\](){}?*+.^$|\\\\abdwx:&~P<>#\\- \n]{0,30}", argument in "[ab\n]{0,4}") {
        if let Ok(pattern) = Pattern::new(&text) {
            let unanchored = compile(&Reader::new(&text).read().unwrap()).unwrap();
            prop_assert!(!pattern.matches(&argument) || unanchored.is_match(&argument));
        }
    }
}
