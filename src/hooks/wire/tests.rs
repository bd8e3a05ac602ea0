//! What one end says is what the other one reads, and nothing that anybody says is repeated.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::sandbox::Usage;
use crate::transform::ProblemKind;

fn command(name: &str, args: &[&str]) -> Command {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Command { name: name.to_owned(), args, env: Vec::new(), timeout: None }
}

fn ended(exit: Exit, limit: Option<Limit>) -> Ended {
    Ended { exit, limit, stderr: Bytes::from_static(b"secret"), usage: Usage::default() }
}

#[test]
fn ends_are_told_and_read() {
    let problem = Problem { kind: ProblemKind::Evaluation, index: Some(2), message: "no \u{fc}".into() };
    for exit in [Exit::Code(0), Exit::Code(255), Exit::Signal(9)] {
        for limit in Limit::ALL.into_iter().map(Some).chain([None]) {
            for problem in [None, Some(&problem)] {
                let trailers = trailers(&ended(exit, limit), problem);
                assert_eq!(end_of(&trailers), Some((exit, limit, problem.cloned())));
                assert!(!format!("{trailers:?}").contains("secret"));
            }
        }
    }
}

#[test]
fn an_end_that_says_too_little_or_something_else_is_none() {
    assert_eq!(end_of(&HeaderMap::new()), None);
    let with = |name: HeaderName, value: &'static str| {
        let mut trailers = trailers(&ended(Exit::Code(0), None), None);
        trailers.insert(name, HeaderValue::from_static(value));
        end_of(&trailers)
    };
    assert_eq!(with(EXIT_CODE, "zero"), None);
    assert_eq!(with(LIMIT, "patience"), None);
    assert_eq!(with(PROBLEM, "%"), None);
    assert_eq!(with(PROBLEM, "e30="), None);
}

#[test]
fn a_problem_fits_into_trailers() {
    let message = "\u{1f980}".repeat(100_000);
    let problem = Problem { kind: ProblemKind::Input, index: None, message };
    let trailers = trailers(&ended(Exit::Code(1), None), Some(&problem));
    assert!(trailers[PROBLEM].len() < 8 * 1024, "{}", trailers[PROBLEM].len());
    let (_, _, read) = end_of(&trailers).unwrap();
    let read = read.unwrap().message;
    assert!(problem.message.starts_with(&read) && read.len() > MAX_PROBLEM - 4, "{}", read.len());
}

#[test]
fn a_command_that_is_too_long_for_a_header_is_none() {
    let long = "\"".repeat(100_000);
    assert!(command_value(&command("a", &[&long, &long])).is_some());
    assert!(command_value(&command("a", &[&long, &long, &long, &long])).is_none());
    assert!(command_value(&command("a", &[])).unwrap().is_sensitive());
}

#[test]
fn limits_of_time_are_durations_above_zero() {
    assert_eq!(timeout_of("1m30s"), Ok(Duration::from_secs(90)));
    for text in ["", "0", "0s", "-1s", "1", "soon", "1s\n"] {
        assert!(timeout_of(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_command_arrives_as_it_was_sent(
        name in ".*",
        args in prop::collection::vec("(?s).*", 0..5),
        env in prop::collection::vec(("(?s).*", "(?s).*"), 0..5),
        nanos in prop::option::of(1_u64..=i64::MAX as u64),
    ) {
        let command = Command { name, args, env, timeout: nanos.map(Duration::from_nanos) };
        let value = command_value(&command).unwrap();
        prop_assert!(command_of(&value).unwrap() == command);
    }

    #[test]
    fn any_header_is_a_command_or_an_error_that_repeats_nothing(json in "[{}\\[\\]\":,a-z0-9\\\\ ]{0,60}hunter2[{}\\[\\]\":,]{0,10}") {
        let value = HeaderValue::try_from(STANDARD.encode(json)).unwrap();
        if let Err(error) = command_of(&value) {
            prop_assert!(!error.contains("hunter2"), "{}", error);
        }
    }
}
