//! What the table looks like.

use super::*;
use crate::generators::Progress;
use crate::local::view::text::width;

fn now() -> Timestamp {
    Timestamp::from_second(1000).unwrap()
}

fn ready(name: &str) -> Row {
    let activity = SourceActivity {
        state: State::Ready,
        revision: Some("latest@sha256:0123456789abcdef0123".into()),
        size: Some(1234),
        last_fetch: Timestamp::from_second(995).ok(),
        next_run: Timestamp::from_second(1025).ok(),
        ..SourceActivity::default()
    };
    (ObjectName::new("default", name), Arc::new(activity))
}

fn failing(name: &str, error: &str) -> Row {
    let activity = SourceActivity { state: State::Failing, error: Some(error.into()), ..SourceActivity::default() };
    (ObjectName::new("default", name), Arc::new(activity))
}

fn fetching(name: &str, received: u64, total: u64) -> Row {
    let progress = Progress::default();
    progress.expect(total);
    progress.advance(received);
    let activity =
        SourceActivity { state: State::Fetching, progress: Some(Arc::new(progress)), ..SourceActivity::default() };
    (ObjectName::new("default", name), Arc::new(activity))
}

fn draw(rows: &[Row], problems: &[Problem], width: u16, height: u16) -> String {
    render(&Screen { rows, problems, live: true }, width, height, now())
}

#[test]
fn a_wide_terminal_shows_everything() {
    let rows = [ready("app"), failing("broken", "404 Not Found"), fetching("chart", 5_000_000, 10_000_000)];
    let expected = "\
3 sources, 1 ready, 1 failing (Ctrl-C ends)
NAME            STATE     FETCHED  REVISION      SIZE    NEXT RUN
default/app     Ready     5s ago   0123456789ab  1.2 kB  in 25s
default/broken  Failing                                            404 Not Found
default/chart   Fetching                                           [###############---------------]  50 % 5.0 MB of 10.0 MB
";
    assert_eq!(draw(&rows, &[], 130, 24), expected);
}

#[test]
fn a_narrow_terminal_shows_errors_below_their_rows() {
    let rows = [ready("app"), failing("broken", "GET http://127.0.0.1:8089/a/long/path/to.yaml: 404 Not Found")];
    let expected = "\
2 sources, 1 ready, 1 failing (Ctrl-C ends)
NAME            STATE    FETCHED  REVISION      NEXT RUN
default/app     Ready    5s ago   0123456789ab  in 25s
default/broken  Failing
  GET http://127.0.0.1:8089/a/long/path/to.yaml: 404 Not
  Found
";
    assert_eq!(draw(&rows, &[], 60, 24), expected);
}

#[test]
fn a_narrow_and_low_terminal_loses_columns_before_the_error() {
    let rows = [ready("app"), failing("broken", "origin answered 404 Not Found")];
    let expected = "\
2 sources, 1 ready, 1 failing (Ctrl-C ends)
NAME            STATE    NEXT RUN
default/app     Ready    in 25s
default/broken  Failing            origin answered 404 Not …
";
    assert_eq!(draw(&rows, &[], 60, 4), expected);
}

#[test]
fn a_long_name_gives_way_to_columns_and_keeps_its_gap() {
    let rows = [ready("a-name-that-is-much-longer-than-what-a-column-can-be"), ready("app")];
    let expected = "\
2 sources, 2 ready (Ctrl-C ends)
NAME                              STATE  FETCHED  REVISION      SIZE    NEXT RUN
default/a-name-that-is-much-lon…  Ready  5s ago   0123456789ab  1.2 kB  in 25s
default/app                       Ready  5s ago   0123456789ab  1.2 kB  in 25s
";
    assert_eq!(draw(&rows, &[], 80, 24), expected);
}

#[test]
fn a_low_terminal_shows_what_needs_attention() {
    let mut rows: Vec<_> = (0..20).map(|i| ready(&format!("a{i:02}"))).collect();
    rows.push(failing("z", "no"));
    let text = draw(&rows, &[], 120, 6);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.contains("default/z") && text.contains("default/a00"), "{text}");
    assert!(text.ends_with("… and 18 more\n"), "{text}");
}

#[test]
fn problems_of_manifests_stand_below_the_table() {
    let problem = Problem { file: Some("a.yaml".into()), line: Some(2), message: "is no YAML\nat all".into() };
    let text = draw(&[ready("app")], &[problem], 80, 24);
    assert!(text.ends_with("! a.yaml:2: is no YAML at all\n"), "{text}");
}

#[test]
fn nothing_ever_exceeds_the_terminal() {
    let long = "é日\x1b[31m".repeat(50);
    let rows = [ready(&"n".repeat(200)), failing("b", &long), fetching("c", 7, 0), fetching("d", 9, 3)];
    let problems = vec![Problem { file: None, line: None, message: long.clone() }; 9];
    for columns in [0, 1, 2, 10, 25, 40, 80, 200] {
        for height in [0, 1, 2, 3, 5, 10, 50] {
            let text = draw(&rows, &problems, columns, height);
            assert!(text.lines().count() <= usize::from(height), "{columns}x{height}: {text}");
            assert!(text.lines().all(|line| width(line) <= usize::from(columns)), "{columns}x{height}: {text}");
            assert!(!text.contains('\x1b'), "{text:?}");
        }
    }
}

#[test]
fn a_download_of_unknown_size_shows_what_came() {
    let text = draw(&[fetching("c", 2_500_000, 0)], &[], 100, 10);
    assert!(text.ends_with("2.5 MB\n") && !text.contains('%'), "{text}");
}
