//! The Go implementation's command line, translated into ours
//! (<https://github.com/oddkinco/flux-externalsource-controller/blob/main/cmd/main.go>).

use std::ffi::OsString;

/// Flags that take no value.
const SWITCHES: [&str; 5] = ["leader-elect", "artifact-server-enabled", "metrics-secure", "enable-http2", "zap-devel"];

/// Flags of ours, and theirs with the same meaning.
const RENAMED: [(&str, &str); 3] = [
    ("health-probe-bind-address", "health-addr"),
    ("metrics-bind-address", "metrics-addr"),
    ("zap-encoder", "log-format"),
];

/// Flags that mean nothing here, and why.
const WITHOUT_MEANING: [(&str, &str); 11] = [
    ("metrics-secure", "metrics are served over plain HTTP"),
    ("metrics-cert-path", "metrics are served over plain HTTP"),
    ("metrics-cert-name", "metrics are served over plain HTTP"),
    ("metrics-cert-key", "metrics are served over plain HTTP"),
    ("webhook-cert-path", "there is no webhook"),
    ("webhook-cert-name", "there is no webhook"),
    ("webhook-cert-key", "there is no webhook"),
    ("enable-http2", "the servers offer both versions of HTTP"),
    ("zap-devel", "use LOG_FORMAT=text and LOG_LEVEL=debug"),
    ("zap-stacktrace-level", "there are no stack traces in the log"),
    ("zap-time-encoding", "times are always RFC 3339"),
];

/// The arguments of `flux-externalsource controller` that mean what `args` mean to the Go implementation, and what to
/// tell about those that mean nothing.
pub fn translate(args: &[OsString]) -> (Vec<OsString>, Vec<String>) {
    let mut ours: Vec<OsString> = vec!["flux-externalsource".into(), "controller".into()];
    let mut warnings = Vec::new();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let Some(flag) = arg.to_str().and_then(flag_of) else {
            ours.push(arg.clone());
            continue;
        };
        let (name, mut value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.into())));
        if value.is_none() && is_known(name) && !SWITCHES.contains(&name) {
            value = rest.next().map(|value| value.to_string_lossy().into_owned());
        }
        if let Some((_, why)) = WITHOUT_MEANING.iter().find(|(known, _)| *known == name) {
            warnings.push(format!("flag --{name} has no meaning here: {why}"));
            continue;
        }
        ours.push(assign(name, value).into());
    }
    (ours, warnings)
}

/// The flag without its dashes, one or two in Go.
fn flag_of(arg: &str) -> Option<&str> {
    arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')).filter(|flag| !flag.is_empty() && *flag != "h")
}

/// Whether the flag is one of the Go implementation's, whose values may stand in the next argument.
fn is_known(name: &str) -> bool {
    let listed = |list: &[(&str, &str)]| list.iter().any(|(known, _)| *known == name);
    listed(&RENAMED)
        || listed(&WITHOUT_MEANING)
        || matches!(name, "artifact-server-port" | "kubeconfig" | "zap-log-level")
}

fn assign(name: &str, value: Option<String>) -> String {
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == name).map_or(name, |(_, ours)| *ours);
    match (name, value) {
        ("zap-log-level", Some(level)) => format!("--log-level={}", log_level(&level)),
        ("zap-encoder", Some(encoder)) if encoder == "console" => "--log-format=text".into(),
        (_, Some(value)) => format!("--{renamed}={value}"),
        (_, None) => format!("--{renamed}"),
    }
}

/// Zap's levels, of which the numbers say how much more than "info" is told.
fn log_level(level: &str) -> &str {
    match level {
        "panic" => "error",
        "1" => "debug",
        number if number.parse::<u32>().is_ok_and(|number| number > 1) => "trace",
        level => level,
    }
}
