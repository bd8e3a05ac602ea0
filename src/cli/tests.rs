//! Commands, flags and the Go implementation's command line.

use super::*;
use crate::config::Listen;
use crate::telemetry::logs::LogFormat;

fn parse_line(line: &str) -> Result<Invocation, UsageError> {
    parse(line.split_whitespace().map(OsString::from), [])
}

fn controller(line: &str) -> ControllerSettings {
    match parse_line(line).unwrap() {
        Invocation::Controller(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_setting_is_a_flag() {
    let settings = controller(
        "flux-externalsource controller --http-timeout 5s --leader-elect --artifact-server-enabled=false --log-format=text",
    );
    assert_eq!(settings.run.http.timeout.as_secs(), 5);
    assert!(settings.cluster.lease.is_some() && settings.artifacts.listen.is_none());
    assert_eq!(settings.process.log.format, LogFormat::Text);
}

#[test]
fn the_environment_counts_where_no_flag_is_given() {
    let environment = [("CONCURRENT".to_owned(), "3".to_owned()), ("LEADER_ELECT".to_owned(), String::new())];
    let args = ["flux-externalsource", "controller"].map(OsString::from);
    match parse(args, environment).unwrap() {
        Invocation::Controller(settings) => {
            assert_eq!(settings.run.concurrent, 3);
            assert!(settings.cluster.lease.is_none());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn manager_takes_the_flags_of_the_go_implementation() {
    let settings = controller(
        "/manager --leader-elect --health-probe-bind-address=:9081 -metrics-bind-address 0 --artifact-server-port 9080 \
         --zap-log-level=debug --zap-encoder console --kubeconfig /dev/null",
    );
    assert!(settings.cluster.lease.is_some());
    assert_eq!(settings.operations.health, Some(Listen::everywhere(9081)));
    assert_eq!(settings.operations.metrics, None);
    assert_eq!(settings.artifacts.listen, Some(Listen::everywhere(9080)));
    assert_eq!(settings.process.log.filter, "debug");
    assert_eq!(settings.process.log.format, LogFormat::Text);
    assert_eq!(settings.cluster.kubeconfig, Some("/dev/null".into()));
}

#[test]
fn manager_says_which_flags_mean_nothing() {
    let settings =
        controller("manager --metrics-secure=false --webhook-cert-path /certs --zap-devel --leader-elect=false");
    assert!(settings.cluster.lease.is_none());
    assert!(settings.warnings[0].starts_with("flag --metrics-secure has no meaning here"), "{:?}", settings.warnings);
    assert!(settings.warnings[1].starts_with("flag --webhook-cert-path"), "{:?}", settings.warnings);
    assert!(settings.warnings[2].starts_with("flag --zap-devel"), "{:?}", settings.warnings);
}

#[test]
fn manager_takes_our_own_flags_too() {
    assert_eq!(controller("manager --concurrent 7").run.concurrent, 7);
}

#[test]
fn levels_of_zap_are_translated() {
    for (level, ours) in [("info", "info"), ("error", "error"), ("1", "debug"), ("5", "trace"), ("panic", "error")] {
        assert_eq!(controller(&format!("manager --zap-log-level={level}")).process.log.filter, ours);
    }
}

#[test]
fn a_local_run_has_defaults_for_this_machine() {
    let Invocation::Local(settings) = parse_line("flux-externalsource local examples --origin o --once").unwrap()
    else {
        panic!("another command");
    };
    assert_eq!(settings.addr.to_string(), "127.0.0.1:9790");
    let (folder, addr) = settings.origin.unwrap();
    assert_eq!((folder, addr.to_string()), (PathBuf::from("o"), "127.0.0.1:8089".to_owned()));
    assert!(settings.once && !settings.plain);
}

#[test]
fn the_output_of_render_follows_from_its_name() {
    for (name, expected) in [
        ("a.tar.gz", RenderOutput::Archive("a.tar.gz".into())),
        ("/nowhere/out", RenderOutput::Folder("/nowhere/out".into())),
        ("-", RenderOutput::Stdout),
    ] {
        let line = format!("flux-externalsource render x.yaml -o {name}");
        let Invocation::Render(settings) = parse_line(&line).unwrap() else { panic!("another command") };
        assert_eq!(settings.output, expected);
    }
}

#[test]
fn usage_errors_name_what_is_wrong() {
    for (line, expected) in [
        ("flux-externalsource controller --no-such-flag", "--no-such-flag"),
        ("flux-externalsource controller --concurrent=many", "CONCURRENT (from flag --concurrent): \"many\""),
        ("flux-externalsource render x.yaml", "--output"),
        ("flux-externalsource fly", "fly"),
        ("flux-externalsource local --http-timeout=1s", "<FOLDER>"),
    ] {
        let message = parse_line(line).unwrap_err().to_string();
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn help_shows_flag_variable_default_and_unit() {
    let UsageError::Arguments(help) = parse_line("flux-externalsource local --help").unwrap_err() else {
        panic!("no help");
    };
    let help = help.to_string();
    for part in ["--http-max-body-size <SIZE>", "[env: HTTP_MAX_BODY_SIZE]", "[default: 256Mi]", "[default: 1s]"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

fn hook_executor(line: &str) -> HookExecutorSettings {
    match parse_line(line).unwrap() {
        Invocation::HookExecutor(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn hook_executor_takes_its_settings_as_flags() {
    let settings =
        hook_executor("flux-externalsource hook-executor --hook-max-memory 1Gi --hook-log-stderr --log-format=text");
    assert_eq!((settings.engine.limits.memory, settings.engine.log_stderr, settings.check), (1 << 30, true, false));
    assert!(hook_executor("flux-externalsource hook-executor --check").check);
}

#[test]
fn the_go_implementations_hook_executor_takes_its_flags() {
    for line in [
        "/app/externalsource-hook-executor --port 8082 --whitelist /etc/w.yaml",
        "externalsource-hook-executor -port=8082 -whitelist=/etc/w.yaml",
    ] {
        let settings = hook_executor(line);
        assert_eq!(settings.endpoint.to_string(), "http://127.0.0.1:8082");
        assert_eq!(settings.whitelist, PathBuf::from("/etc/w.yaml"));
        assert!(settings.warnings[0].starts_with("--port: only this pod"), "{:?}", settings.warnings);
    }
    assert!(hook_executor("externalsource-hook-executor --check --port=1").check);
    assert!(hook_executor("externalsource-hook-executor").warnings.is_empty());
    let message = parse_line("externalsource-hook-executor --port").unwrap_err().to_string();
    assert!(message.contains("HOOK_EXECUTOR_ENDPOINT") && message.contains("http://localhost:"), "{message}");
}

#[test]
fn whitelist_check_takes_everything_after_the_dashes() {
    let line = "flux-externalsource whitelist check w.yaml --env A=b -- jq -r --env .a";
    let Invocation::WhitelistCheck(check) = parse_line(line).unwrap() else { panic!("another command") };
    assert_eq!((check.file, check.env), (PathBuf::from("w.yaml"), vec!["A=b".to_owned()]));
    assert_eq!(check.command, ["jq", "-r", "--env", ".a"]);
}
