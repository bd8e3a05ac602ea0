//! Settings: bad values stop the start, and which of several places counts.

use std::ffi::OsString;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::cli::{self, UsageError};
use flux_externalsource::config::setting::Info;
use flux_externalsource::config::settings::{CONTROLLER, LOCAL, RENDER};
use serde_json::json;
use testbed::{Origin, Reply, Testbed};

use crate::harness::{Controller, Options, SOON, Sources, http_source, run, run_with, testbed};

/// A value that this setting cannot have.
fn bad(info: &Info) -> &'static str {
    match info.value {
        "BOOL" => "maybe",
        "NUMBER" => "-1",
        "DURATION" => "soon",
        "SIZE" => "1 apple",
        "FRACTION" => "2",
        "PORT" => "http",
        "ADDRESS" => "nowhere",
        "NAME" | "NAMES" | "DOMAIN" => "Not A Name",
        "SELECTOR" => "a in b",
        "NETWORKS" => "home",
        "URL" => "ftp://x",
        "LEVEL" => "loud",
        "FORMAT" => "xml",
        "TEXT" => "a\u{7f}b",
        "MODE" => "lax",
        // Looked for only where they are used.
        "FILE" | "FOLDER" if info.name.starts_with("HOOK_") => "a\0b",
        "FILE" => "/nowhere/kubeconfig",
        "FOLDER" => "/proc/nowhere",
        "PATH" => "some/where",
        other => unreachable!("{} has a value of a kind that this test does not know: {other}", info.name),
    }
}

fn parse(args: &[&str], variables: &[(&str, &str)]) -> Result<(), UsageError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    cli::parse(args.iter().map(OsString::from), variables).map(drop)
}

#[test]
fn every_setting_refuses_a_bad_value_and_names_itself_and_the_value() {
    let commands = [
        (CONTROLLER, &["flux-externalsource", "controller"][..]),
        (LOCAL, &["flux-externalsource", "local", "folder"]),
        (RENDER, &["flux-externalsource", "render", "file", "-o", "-"]),
    ];
    let mut seen = 0;
    for (groups, command) in commands {
        // Of a secret everything is taken: the refusal would show it.
        for info in groups.iter().flat_map(|group| group.settings).filter(|info| info.value != "SECRET") {
            let (name, value) = (info.name, bad(info));
            let flag = format!("--{}={value}", info.flag());
            for (args, variables, origin) in [
                (command.to_vec(), &[(name, value)][..], "environment".to_owned()),
                ([command, &[flag.as_str()]].concat(), &[], format!("flag --{}", info.flag())),
            ] {
                let error = parse(&args, variables).expect_err(&format!("{args:?} {variables:?}")).to_string();
                assert!(error.starts_with(&format!("{name} (from {origin}): {value:?} ")), "{command:?}: {error}");
                seen += 1;
            }
        }
    }
    assert!(seen > 150, "{seen}");
}

#[tokio::test]
async fn the_binary_ends_with_2_and_says_why() -> Result<()> {
    for (variables, args, said) in [
        (&[("CONCURRENT", "many")][..], &["controller"][..], &["CONCURRENT (from environment): \"many\""][..]),
        (&[], &["controller", "--http-timeout", "soon"], &["HTTP_TIMEOUT (from flag --http-timeout): \"soon\""]),
        (&[("LEASE_DURATION", "5s"), ("LEADER_ELECT", "true")], &["controller"], &["LEASE_DURATION (5s)"]),
        (&[("STORAGE_BACKEND", "s3")], &["controller"], &["STORAGE_BACKEND (s3) needs S3_BUCKET"]),
        (
            &[("S3_ACCESS_KEY_ID", "x")],
            &["controller"],
            &["S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set both"],
        ),
        (&[("STORAGE_BACKEND", "s3")], &["local", "."], &["STORAGE_BACKEND", "\"s3\"", "memory"]),
        (&[("HTTP_MAX_BODY_SIZE", "big")], &["local", "."], &["HTTP_MAX_BODY_SIZE", "\"big\"", "256Mi"]),
        (&[], &["render", "x", "-o", "-", "--log-level", "loud"], &["LOG_LEVEL (from flag --log-level): \"loud\""]),
        (&[], &["controller", "--no-such-flag"], &["--no-such-flag"]),
        (&[("KUBECONFIG", "/nowhere/config")], &["controller"], &["KUBECONFIG", "\"/nowhere/config\""]),
    ] {
        run_with(variables, args).await?.expect(2, said)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_named() -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "clusters: [")?;
    let path = file.path().to_str().context("no text")?;
    let ran = run(["controller", "--kubeconfig", path]).await?;
    ensure!(ran.code.is_some_and(|code| code != 0) && ran.stderr.contains(path), "{ran:?}");
    Ok(())
}

/// A ConfigMap in the namespace of a controller's account, which is shared: so each has its own name.
async fn config_map(testbed: &Testbed, name: &str, data: serde_json::Value) -> Result<()> {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    testbed.apply_yaml("flux-system", &map.to_string()).await
}

#[tokio::test]
async fn a_flag_goes_over_the_environment_and_that_over_the_config_map() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("precedence").await?;
    let data = json!({"http.userAgent": "from-map", "retry.maxAttempts": "3", "no.such": "key"});
    config_map(&testbed, &namespace, data).await?;
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"));
    let sources = Sources::of(&testbed, &namespace).await?;
    sources.apply("app", &http_source(&origin.url("/map.yaml"))).await?;

    let with_map = || Options::default().with("CONFIG_MAP_NAME", &namespace);
    let cases = [
        (with_map(), "from-map"),
        (with_map().with("HTTP_USER_AGENT", "from-environment"), "from-environment"),
        (with_map().with("HTTP_USER_AGENT", "from-environment").flag("--http-user-agent=from-flag"), "from-flag"),
    ];
    for (options, expected) in cases {
        origin.forget();
        // Nothing is stored in a new process, so that it asks the origin.
        let controller = Controller::start_with(&testbed, &namespace, options).await?;
        let asked = origin.wait_for_requests("/map.yaml", 1, SOON).await?;
        ensure!(asked[0].header("user-agent") == Some(expected), "{:?} instead of {expected}", asked[0].headers);
        ensure!(controller.process.log()?.contains("ConfigMap key no.such is unknown"), "nothing told of the odd key");
    }
    Ok(())
}

#[tokio::test]
async fn a_config_map_with_a_bad_value_stops_the_start_and_an_absent_one_does_not() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("config").await?;
    config_map(&testbed, &namespace, json!({"http.timeout": "soon"})).await?;
    let options = Options::default().with("CONFIG_MAP_NAME", &namespace);
    let controller = Controller::spawn(&testbed, &namespace, options).await?;
    ensure!(controller.process.wait(SOON).await?.code() == Some(2), "{}", controller.process.log_tail());
    let log = controller.process.log()?;
    ensure!(log.contains("HTTP_TIMEOUT (from ConfigMap key http.timeout): \"soon\""), "{log}");

    let options = Options::default().with("CONFIG_MAP_NAME", format!("{namespace}-absent"));
    let controller = Controller::start_with(&testbed, &namespace, options).await?;
    controller.process.until_logged("the ConfigMap does not exist", SOON).await
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("ports").await?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let everywhere = std::net::TcpListener::bind(("0.0.0.0", taken))?;
    for (name, value) in [
        ("ARTIFACT_SERVER_PORT", taken.to_string()),
        ("HEALTH_ADDR", format!("127.0.0.1:{taken}")),
        ("METRICS_ADDR", format!("127.0.0.1:{taken}")),
    ] {
        let controller = Controller::spawn(&testbed, &namespace, Options::default().with(name, &value)).await?;
        let status = controller.process.wait(SOON).await?;
        let log = controller.process.log()?;
        ensure!(!status.success() && log.contains(&format!("error: {name}")), "{name}: {log}");
        ensure!(log.contains(&taken.to_string()) && log.contains("in use"), "{name}: {log}");
    }
    drop(everywhere);
    Ok(())
}
