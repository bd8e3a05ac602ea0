//! What passes and what does not, row by row.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::external_source::Unpack;
use crate::generators::{Content, Validators};
use crate::pipeline::unpack::{Settings, Tree, UnpackLimits, unpack};
use crate::spool::Spools;

fn content(body: &str, content_type: Option<&str>) -> Content {
    Content {
        body: Spools::from_bytes(body.as_bytes().to_vec()),
        validators: Validators::default(),
        content_type: content_type.map(String::from),
        head: None,
    }
}

fn judge(body: &str, content_type: Option<&str>, expected: Expected) -> Option<Refusal> {
    match answer(&content(body, content_type), expected) {
        Ok(()) => None,
        Err(GuardError::Refused(refusal)) => Some(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// A tree of these files, by way of a tar.
fn tree_of(files: &[(&str, &str)]) -> Tree {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_entry_type(::tar::EntryType::Regular);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let spec = Unpack { format: "tar.gz".into(), ..Unpack::default() };
    let limits = UnpackLimits { entries: 100, total_size: 1 << 24, file_size: 1 << 24, ratio: 100 };
    let spools = Spools::new(1 << 24, std::env::temp_dir());
    let body = Spools::from_bytes(tar.into_inner().unwrap());
    unpack(&body, &Settings::parse(&spec).unwrap(), None, &spools, &limits, &CancellationToken::new()).unwrap()
}

fn judge_tree(files: &[(&str, &str)], advertised: Option<u64>, allow_empty: bool) -> Result<u64, Refusal> {
    match tree(&tree_of(files), advertised, allow_empty, &CancellationToken::new()) {
        Ok(manifests) => Ok(manifests),
        Err(GuardError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn empty_answers_are_refused_unless_allowed() {
    for (body, refusal) in [
        ("", Refusal::EmptyAnswer),
        (" \r\n\t", Refusal::EmptyAnswer),
        ("\u{feff}", Refusal::EmptyAnswer),
        ("[]", Refusal::EmptyValue("[]")),
        (" [ \n\n ] ", Refusal::EmptyValue("[]")),
        ("\u{feff}[]\n", Refusal::EmptyValue("[]")),
        ("{}", Refusal::EmptyValue("{}")),
        ("{\n}\n", Refusal::EmptyValue("{}")),
        ("null", Refusal::EmptyValue("null")),
        ("\nnull\n", Refusal::EmptyValue("null")),
    ] {
        assert_eq!(judge(body, None, Expected::default()), Some(refusal.clone()), "{body:?}");
        assert_eq!(judge(body, Some("text/html"), Expected::default()), Some(refusal), "{body:?}");
        assert_eq!(judge(body, None, Expected { empty: true, ..Expected::default() }), None, "{body:?}");
    }
    assert_eq!(
        judge(&format!("[{}]", " ".repeat(100_000)), None, Expected::default()),
        Some(Refusal::EmptyValue("[]"))
    );
}

#[test]
fn answers_with_anything_in_them_pass() {
    for body in
        ["0", "false", "\"\"", "[0]", "[[]]", "{\"a\":1}", "[] []", "nullx", "null null", "# nothing", "---", "{"]
    {
        assert_eq!(judge(body, Some("application/json"), Expected::default()), None, "{body:?}");
    }
    assert_eq!(judge(&format!("{}x", " ".repeat(100_000)), None, Expected::default()), None);
}

#[test]
fn pages_are_refused_where_data_was_asked_for() {
    let declaration = "<?xml version=\"1.0\"?>\n<!-- a -- comment -->\n<!DOCTYPE  html PUBLIC>";
    for (body, content_type, refusal) in [
        ("<!DOCTYPE html><p>", None, Some(Refusal::HtmlBody)),
        ("<!doctype HTML>", Some("application/json"), Some(Refusal::HtmlBody)),
        ("\u{feff}\n <html lang=en>", None, Some(Refusal::HtmlBody)),
        ("<HTML>", None, Some(Refusal::HtmlBody)),
        (declaration, None, Some(Refusal::HtmlBody)),
        ("<!-- saved -->\n<html>", None, Some(Refusal::HtmlBody)),
        ("<p>Sign in</p>", Some("text/html"), Some(Refusal::HtmlType)),
        ("Service unavailable", Some("Text/HTML; charset=utf-8"), Some(Refusal::HtmlType)),
        ("kind: X", Some("application/xhtml+xml"), Some(Refusal::HtmlType)),
        ("{\"a\": 1}", Some("text/html; charset=UTF-8"), None),
        ("[1]", Some("text/html"), None),
        ("<?xml version=\"1.0\"?><feed>", Some("application/xml"), None),
        ("<!-- <html> --><feed>", None, None),
        ("<!-- <html>", None, None),
        ("a: <html>", Some("text/plain"), None),
        ("text/html", Some("text/htmlx"), None),
        ("<htm", None, None),
    ] {
        assert_eq!(judge(body, content_type, Expected::default()), refusal, "{body:?} {content_type:?}");
        let refused_all_the_same = judge(body, content_type, Expected { empty: true, ..Expected::default() });
        assert_eq!(refused_all_the_same, refusal, "allowEmpty is no excuse for {body:?}");
        assert_eq!(judge(body, content_type, Expected { html: true, ..Expected::default() }), None, "{body:?}");
    }
}

#[test]
fn an_archive_is_judged_by_its_bytes_and_not_by_its_label() {
    let archive = Expected { archive: true, ..Expected::default() };
    assert_eq!(judge("PK\u{3}\u{4}", Some("text/html"), archive), None);
    assert_eq!(judge("<html>", Some("application/gzip"), archive), Some(Refusal::HtmlBody));
    assert_eq!(judge("", None, archive), Some(Refusal::EmptyAnswer));
}

#[test]
fn documents_without_an_object_are_nothing() {
    for text in [
        "",
        "\n\n",
        "\u{feff}",
        "# comment",
        "  # comment\n\t\n#",
        "---",
        "---\n---\n...\n",
        "--- # comment\n",
        "%YAML 1.2\n---\n# comment\n...\n",
        "null",
        "~",
        "--- null\n",
        "{}",
        "[]",
        "{} # nothing",
        "# a\n---\n{}\n---\n[]\n--- ~\n",
        "---\r\n# comment\r\n---\r\n",
        "kind: List",
        "apiVersion: v1\nkind: List\nitems: []\n",
        "apiVersion: v1\nkind: List\nitems:\n",
        "apiVersion: v1\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
        "kind: ConfigMapList\nitems: null # none\n",
        "kind: List\nitems:\n- kind: List\n  items: []\n",
        "{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": []}",
        "{\n  \"apiVersion\": \"v1\",\n  \"items\": [\n\n  ],\n  \"kind\": \"SecretList\"\n}\n",
        "kind: List\nitems: []\n---\n# and\n---\nkind: PodList\nitems: []\n",
    ] {
        let verdict = judge_tree(&[("a.yaml", text), ("b.yml", "")], None, false);
        assert_eq!(verdict, Err(Refusal::NoObjects(2)), "{text:?}");
        assert_eq!(judge_tree(&[("a.yaml", text)], None, true), Ok(1), "{text:?}");
    }
    let comments = "# a long licence that says nothing at all\n".repeat(5000);
    assert_eq!(judge_tree(&[("a.yaml", &comments)], None, false), Err(Refusal::NoObjects(1)));
}

#[test]
fn one_document_with_something_in_it_is_enough() {
    for text in [
        "kind: ConfigMap",
        "# comment\r---\rkind: ConfigMap\r",
        "---\n# comment\n---\nkind: ConfigMap",
        "--- {kind: ConfigMap}",
        "{} \n---\nkind: ConfigMap",
        "items: []",
        "kind: List\nitems: [{kind: ConfigMap}]",
        "kind: List\nitems:\n- kind: List\n  items: [{kind: X}]\n",
        "kind: Listing\nitems: []",
        "{\"kind\": \"List\", \"items\": [{\"kind\": \"Secret\"}]}",
        "{{- if .Values.enabled }}\nkind: List\n{{- end }}",
        "kind: List\nitems: [",
        "- - -\n -x: [",
        "text",
        "a: &a [*a]",
        "data: |\n  # no comment\n",
        "kind: \u{1}",
    ] {
        assert_eq!(judge_tree(&[("a.yaml", text)], Some(9), false), Ok(1), "{text:?}");
    }
    let long = format!("{{\"kind\": \"List\", \"items\": [], \"text\": \"{}\"}}", "x".repeat(20_000));
    assert_eq!(judge_tree(&[("a.yaml", &long)], None, false), Ok(1));
    let late = format!("{}kind: ConfigMap", "# comment\n".repeat(5000));
    assert_eq!(judge_tree(&[("a.yaml", &late)], None, false), Ok(1));
}

#[test]
fn manifests_are_what_flux_reads() {
    let files = [
        ("Chart.yaml", "name: x"),
        ("templates/a.yml", "{{ x }}"),
        (".yaml", ""),
        ("UPPER.YAML", "kind: X"),
        ("x.yaml.tpl", "kind: X"),
        ("yaml", "kind: X"),
        ("data.json", "{}"),
    ];
    assert_eq!(judge_tree(&files, Some(5), false), Ok(3));
}

#[test]
fn a_tree_that_has_lost_its_last_manifest_is_refused() {
    let data = [("data.json", "{\"a\": 1}")];
    assert_eq!(judge_tree(&data, Some(1), false), Err(Refusal::ManifestsGone(1)));
    assert_eq!(judge_tree(&data, Some(1), true), Ok(0));
    assert_eq!(judge_tree(&data, Some(0), false), Ok(0));
    assert_eq!(judge_tree(&data, None, false), Ok(0));
}

#[test]
fn a_tree_without_files_is_refused_unless_allowed() {
    assert_eq!(judge_tree(&[], None, false), Err(Refusal::NoFiles));
    assert_eq!(judge_tree(&[], Some(3), true), Ok(0));
}

#[test]
fn a_cancelled_run_reads_no_manifest() {
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let verdict = tree(&tree_of(&[("a.yaml", "kind: X")]), None, false, &cancelled);
    assert!(matches!(verdict, Err(GuardError::Cancelled)));
}

#[test]
fn the_reason_says_whether_it_is_empty_or_wrong() {
    assert_eq!(Refusal::HtmlBody.reason(), "InvalidContent");
    assert_eq!(Refusal::HtmlType.reason(), "InvalidContent");
    for refusal in [
        Refusal::EmptyAnswer,
        Refusal::EmptyValue("[]"),
        Refusal::NoFiles,
        Refusal::NoObjects(1),
        Refusal::ManifestsGone(1),
    ] {
        assert_eq!(refusal.reason(), "EmptyContent");
        assert!(refusal.to_string().contains("spec.allowEmpty"), "{refusal}");
    }
}
