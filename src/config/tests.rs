//! Precedence, defaults, and messages for bad values.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::settings::{CONTROLLER, LOCAL_DEFAULTS};
use super::*;

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<ControllerSettings, ConfigError> {
    ControllerSettings::new(Values::new(BTreeMap::new(), texts(pairs), &[]))
}

#[test]
fn defaults_make_a_whole_configuration() {
    let settings = from_environment(&[]).unwrap();
    assert_eq!(settings.run.http.timeout, Duration::from_secs(30));
    assert_eq!(settings.run.http.max_body, 256 << 20);
    assert_eq!(settings.run.http.max_idle_connections, 100);
    assert_eq!(settings.run.http.max_idle_connections_per_host, 10);
    assert_eq!(settings.run.http.idle_timeout, Duration::from_secs(90));
    assert_eq!(settings.run.schedule.min_interval, Duration::from_secs(60));
    assert_eq!(settings.run.schedule.retry.max_attempts, 10);
    assert_eq!(settings.storage.retention_ttl, Duration::from_secs(300));
    assert_eq!(settings.artifacts.listen, Some(Listen::everywhere(8080)));
    assert_eq!(settings.operations.health, Some(Listen::everywhere(8081)));
    assert_eq!(settings.operations.metrics, Some(Listen::everywhere(8083)));
    assert!(settings.cluster.lease.is_none() && settings.cluster.namespaces.is_empty());
    assert!(settings.config_map.is_none());
}

#[test]
fn a_flag_goes_over_the_environment_and_that_over_the_config_map() {
    let config_map = texts(&[("http.timeout", "1s"), ("retry.baseDelay", "7s"), ("http.userAgent", "map")]);
    let environment = texts(&[("HTTP_TIMEOUT", "2s"), ("HTTP_USER_AGENT", "env"), ("RETRY_BASE_DELAY", " ")]);
    let flags = texts(&[("HTTP_TIMEOUT", "3s"), ("HTTP_USER_AGENT", "")]);
    let settings = ControllerSettings::new(Values::new(flags, environment, &[])).unwrap();
    let settings = settings.with_config_map(&config_map).unwrap();
    assert_eq!(settings.run.http.timeout, Duration::from_secs(3));
    assert_eq!(settings.run.http.user_agent, "env");
    assert_eq!(settings.run.schedule.retry.base_delay, Duration::from_secs(7));
}

#[test]
fn a_bad_value_names_setting_value_and_place() {
    for (name, value, accepted) in [
        ("HTTP_TIMEOUT", "30", "duration such as"),
        ("HTTP_TIMEOUT", "0s", "longer than 0"),
        ("HTTP_MAX_IDLE_CONNS", "-1", "whole number"),
        ("HTTP_MAX_BODY_SIZE", "1.5Gi", "256Mi"),
        ("HTTP_MAX_BODY_SIZE", "0", "more than 0"),
        ("HTTP_MAX_BODY_SIZE", "99999999999999999999", "number of bytes"),
        ("SPOOL_MEMORY_LIMIT", "18446744073709551615Ki", "more bytes than"),
        ("HTTP_USER_AGENT", "a\u{7f}b", "visible ASCII"),
        ("RETRY_JITTER_FACTOR", "1.5", "from 0 to 1"),
        ("RETRY_JITTER_FACTOR", "NaN", "from 0 to 1"),
        ("CONCURRENT", "0", "1 or more"),
        ("ARTIFACT_SERVER_PORT", "tcp://10.0.0.1:80", "1 to 65535"),
        ("ARTIFACT_SERVER_PORT", "0", "1 to 65535"),
        ("ARTIFACT_SERVER_ENABLED", "yes", "true or false"),
        ("ARTIFACT_BASE_URL", "ftp://x", "http or https URL"),
        ("ARTIFACT_BASE_URL", "http://x/?a=b", "without user, query"),
        ("HEALTH_ADDR", "8081", "\":8081\""),
        ("METRICS_ADDR", "somewhere:80", "\":8081\""),
        ("STORAGE_BACKEND", "floppy", "must be \"memory\", \"pvc\" or \"s3\""),
        ("PVC_STORAGE_PATH", "data", "absolute path"),
        ("PVC_SHARED", "perhaps", "true or false"),
        ("CLUSTER_ID", "a b", "without spaces"),
        ("ADDRESS_DENY", "10.0.0.0/8,home", "networks such as"),
        ("WATCH_NAMESPACES", "a,B", "lower-case"),
        ("WATCH_LABEL_SELECTOR", "a in b", "label selector"),
        ("LOG_LEVEL", "loud", "error, warn"),
        ("LOG_FORMAT", "xml", "json or text"),
        ("SPOOL_DIR", "/proc/none", "written to"),
        ("POD_NAMESPACE", "a.b", "lower-case"),
    ] {
        let message = from_environment(&[(name, value)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{name} (from environment): {value:?}")), "{message}");
        assert!(message.contains(accepted), "{message}");
    }
}

#[test]
fn messages_say_which_layer_holds_the_bad_value() {
    let error = ControllerSettings::new(Values::new(texts(&[("CONCURRENT", "x")]), [], &[])).unwrap_err();
    assert!(error.to_string().starts_with("CONCURRENT (from flag --concurrent): \"x\""), "{error}");
    let error = from_environment(&[]).unwrap().with_config_map(&texts(&[("http.timeout", "soon")])).unwrap_err();
    assert!(error.to_string().starts_with("HTTP_TIMEOUT (from ConfigMap key http.timeout): \"soon\""), "{error}");
}

#[test]
fn values_that_do_not_go_together_are_refused() {
    for (pairs, message) in [
        (&[("RETRY_BASE_DELAY", "10m")][..], "RETRY_BASE_DELAY (10m) must not be longer than RETRY_MAX_DELAY (5m)"),
        (
            &[("LEADER_ELECT", "true"), ("LEASE_DURATION", "10s")],
            "LEASE_RENEW_DEADLINE (10s) must be shorter than LEASE_DURATION (10s)",
        ),
        (
            &[("LEADER_ELECT", "true"), ("LEASE_RETRY_PERIOD", "11s")],
            "LEASE_RETRY_PERIOD (11s) must be shorter than LEASE_RENEW_DEADLINE (10s)",
        ),
        (
            &[("ARTIFACT_SERVER_PORT", "8081")],
            "ARTIFACT_SERVER_PORT (8081) and HEALTH_ADDR (:8081) must be different ports",
        ),
        (
            &[("METRICS_ADDR", "127.0.0.1:8080")],
            "ARTIFACT_SERVER_PORT (8080) and METRICS_ADDR (127.0.0.1:8080) must be different ports",
        ),
    ] {
        assert_eq!(from_environment(pairs).unwrap_err().to_string(), message);
    }
    // Off, or apart: no conflict.
    from_environment(&[("ARTIFACT_SERVER_ENABLED", "false"), ("METRICS_ADDR", ":8080")]).unwrap();
    from_environment(&[("HEALTH_ADDR", "127.0.0.1:1"), ("METRICS_ADDR", "127.0.0.2:1")]).unwrap();
}

#[test]
fn the_config_map_may_hold_the_other_half_of_a_pair() {
    let settings = from_environment(&[("RETRY_BASE_DELAY", "10m"), ("CONFIG_MAP_NAME", "config")]).unwrap();
    assert_eq!(settings.config_map, Some(ObjectName::new("flux-system", "config")));
    assert!(settings.clone().with_config_map(&texts(&[])).is_err());
    settings.with_config_map(&texts(&[("retry.maxDelay", "1h")])).unwrap();
}

#[test]
fn keys_without_meaning_are_told() {
    let data = texts(&[("hooks.whitelistPath", "/x"), ("http.timeuot", "1s"), ("http.timeout", "1s")]);
    let settings = from_environment(&[("POD_NAME", "pod-0")]).unwrap().with_config_map(&data).unwrap();
    assert_eq!(
        settings.warnings,
        [
            "ConfigMap key hooks.whitelistPath has no meaning in this version and is ignored",
            "ConfigMap key http.timeuot is unknown and is ignored",
        ]
    );
}

#[test]
fn artifact_urls_name_this_pod() {
    let pod = ("POD_NAME", "controller-0");
    for (pairs, url) in [
        (&[pod][..], "http://controller-0.externalsource-artifacts.flux-system.svc.cluster.local:8080"),
        (
            &[
                pod,
                ("SERVICE_NAME", "files"),
                ("POD_NAMESPACE", "ns"),
                ("CLUSTER_DOMAIN", "corp"),
                ("ARTIFACT_SERVER_PORT", "9"),
            ],
            "http://controller-0.files.ns.svc.corp:9",
        ),
        (&[pod, ("RUNTIME_NAMESPACE", "rt")], "http://controller-0.externalsource-artifacts.rt.svc.cluster.local:8080"),
        (&[], "http://externalsource-artifacts.flux-system.svc.cluster.local:8080"),
        (&[pod, ("ARTIFACT_BASE_URL", "https://files.example.com/a/")], "https://files.example.com/a"),
        (&[pod, ("ARTIFACT_BASE_URL", "https://x/"), ("ARTIFACT_SERVER_ENABLED", "false")], "memory://localhost"),
    ] {
        assert_eq!(from_environment(pairs).unwrap().storage.base_url, url);
    }
}

#[test]
fn a_shared_volume_is_served_by_every_replica_and_any_other_by_its_own_pod() {
    let storage = |more: &[(&str, &str)]| {
        let pvc = [("STORAGE_BACKEND", "pvc"), ("POD_NAME", "controller-0"), ("POD_NAMESPACE", "ns")];
        from_environment(&[&pvc, more].concat()).unwrap().storage
    };
    let backend = |path: &str, shared, take_over: Option<&str>| StorageBackend::Pvc {
        path: path.into(),
        shared,
        timeout: Duration::from_secs(30),
        take_over: take_over.map(str::to_owned),
    };
    let own = storage(&[]);
    assert_eq!(own.backend, backend("/data/artifacts", false, None));
    assert_eq!(own.base_url, "http://controller-0.externalsource-artifacts.ns.svc.cluster.local:8080");
    assert_eq!(own.writer, "pod ns/controller-0");
    let shared = storage(&[("PVC_SHARED", "true"), ("PVC_STORAGE_PATH", "/mnt"), ("STORAGE_TAKE_OVER", "a/b/c")]);
    assert_eq!(shared.backend, backend("/mnt", true, Some("a/b/c")));
    assert_eq!(shared.base_url, "http://externalsource-artifacts-shared.ns.svc.cluster.local:8080");
    let named = storage(&[("PVC_SHARED", "true"), ("SHARED_SERVICE_NAME", "files")]);
    assert_eq!(named.base_url, "http://files.ns.svc.cluster.local:8080");
}

#[test]
fn the_owner_of_a_storage_is_this_installation() {
    let owner = |pairs| from_environment(pairs).unwrap().storage.owner.id();
    assert_eq!(owner(&[]), "/flux-system/flux-externalsource-controller");
    let pairs = [("CLUSTER_ID", "prod-1"), ("POD_NAMESPACE", "ns"), ("RELEASE_NAME", "main")];
    assert_eq!(owner(&pairs), "prod-1/ns/main");
}

#[test]
fn the_go_implementations_folder_is_read_from_its_config_map() {
    let data = texts(&[("config.json", r#"{"storage": {"backend": "pvc", "pvc": {"path": "/mnt/x"}}}"#)]);
    let settings = from_environment(&[("POD_NAME", "pod-0")]).unwrap().with_config_map(&data).unwrap();
    assert!(matches!(settings.storage.backend, StorageBackend::Pvc { path, .. } if path == *"/mnt/x"));
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[test]
fn a_missing_pod_name_is_told_because_the_url_is_shared() {
    assert!(from_environment(&[]).unwrap().warnings[0].contains("POD_NAME"));
    assert!(from_environment(&[("POD_NAME", "pod-0")]).unwrap().warnings.is_empty());
}

#[test]
fn a_lease_identity_is_unique_per_process() {
    let lease = || from_environment(&[("LEADER_ELECT", "1"), ("POD_NAME", "pod-0")]).unwrap().cluster.lease.unwrap();
    let (one, other) = (lease().identity, lease().identity);
    assert!(one.starts_with("pod-0_") && one != other, "{one} {other}");
}

#[test]
fn addresses_are_read_as_go_reads_them() {
    let settings = |value| from_environment(&[("METRICS_ADDR", value)]).unwrap().operations.metrics;
    let ip = |ip: &str| Some(ip.parse::<IpAddr>().unwrap());
    assert_eq!(settings("0"), None);
    assert_eq!(settings(":9"), Some(Listen::everywhere(9)));
    assert_eq!(settings("127.0.0.1:9"), Some(Listen { ip: ip("127.0.0.1"), port: 9 }));
    assert_eq!(settings("[::1]:9"), Some(Listen { ip: ip("::1"), port: 9 }));
    assert_eq!(settings("localhost:9"), Some(Listen { ip: ip("127.0.0.1"), port: 9 }));
    assert_eq!(Listen::everywhere(9).candidates()[1], (Ipv4Addr::UNSPECIFIED, 9).into());
}

#[test]
fn sizes_are_plain_binary_or_decimal() {
    let size = |value| from_environment(&[("HTTP_MAX_BODY_SIZE", value)]).unwrap().run.http.max_body;
    for (text, bytes) in [
        ("1", 1),
        ("268435456", 268_435_456),
        ("256Mi", 268_435_456),
        ("256MiB", 268_435_456),
        ("256MB", 256_000_000),
        ("2k", 2000),
        ("1Ti", 1 << 40),
        ("12B", 12),
    ] {
        assert_eq!(size(text), bytes, "{text}");
    }
}

#[test]
fn networks_may_be_bare_addresses() {
    let settings = from_environment(&[("ADDRESS_ALLOW", "10.1.2.3, fd00::/8,,::1")]).unwrap();
    let allow: Vec<_> = settings.run.http.addresses.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allow, ["10.1.2.3/32", "fd00::/8", "::1/128"]);
}

#[test]
fn zero_connections_mean_no_limit() {
    let settings = from_environment(&[("HTTP_MAX_CONNS_PER_HOST", "0")]).unwrap();
    assert!(settings.run.http.max_connections_per_host > 1_000_000);
}

#[test]
fn several_kubeconfig_files_are_left_to_the_client() {
    let kubeconfig = |value| from_environment(&[("KUBECONFIG", value)]).unwrap().cluster.kubeconfig;
    assert_eq!(kubeconfig("/dev/null"), Some(PathBuf::from("/dev/null")));
    assert_eq!(kubeconfig("/a/b:/c/d"), None);
}

#[test]
fn local_runs_may_reach_this_machine() {
    let values = Values::new(BTreeMap::new(), [], LOCAL_DEFAULTS);
    let settings = LocalSettings::new(&values, "x".into(), ([127, 0, 0, 1], 9790).into()).unwrap();
    assert_eq!(settings.run.http.addresses.allow.len(), 2);
    assert_eq!(settings.run.schedule.min_interval, Duration::from_secs(1));
    assert_eq!(settings.storage.base_url, "http://127.0.0.1:9790");
    let values = Values::new(BTreeMap::new(), texts(&[("ADDRESS_ALLOW", "10.0.0.1")]), LOCAL_DEFAULTS);
    let settings = LocalSettings::new(&values, "x".into(), ([127, 0, 0, 1], 9790).into()).unwrap();
    assert_eq!(settings.run.http.addresses.allow.len(), 1);
}

#[test]
fn rendering_into_a_folder_with_files_is_refused() {
    let values = Values::new(BTreeMap::new(), [], LOCAL_DEFAULTS);
    let folder = tempfile::tempdir().unwrap();
    let render = |output| RenderSettings::new(&values, "x.yaml".into(), None, output);
    render(RenderOutput::Folder(folder.path().to_owned())).unwrap();
    render(RenderOutput::Folder(folder.path().join("new"))).unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = render(RenderOutput::Folder(folder.path().to_owned())).unwrap_err();
    assert!(error.to_string().ends_with("the folder is not empty"), "{error}");
}

#[test]
fn names_are_unique_and_every_default_is_one_that_the_parser_takes() {
    let mut names: Vec<_> = CONTROLLER.iter().flat_map(|group| group.settings).map(|info| info.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    // Explicit defaults take the same way as any other value.
    let explicit: BTreeMap<_, _> = CONTROLLER
        .iter()
        .flat_map(|group| group.settings)
        .filter_map(|info| Some((info.name.to_owned(), info.default?.to_owned())))
        .collect();
    ControllerSettings::new(Values::new(explicit, [], &[])).unwrap();
}
