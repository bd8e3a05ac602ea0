//! The command line of the Go implementation's hook executor, translated into ours
//! (<https://github.com/oddkinco/flux-externalsource-controller/blob/main/cmd/externalsource-hook-executor/main.go>).

use std::ffi::{OsStr, OsString};

/// Its name.
pub const NAME: &str = "externalsource-hook-executor";

/// The arguments of `flux-externalsource hook-executor` that mean what `args` mean to the Go implementation. It listened
/// on every address; who would connect from elsewhere is told that nobody can.
pub fn translate(args: &[OsString]) -> (Vec<OsString>, Vec<String>) {
    let mut ours: Vec<OsString> = vec!["flux-externalsource".into(), "hook-executor".into()];
    let mut warnings = Vec::new();
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let flag = arg.to_str().and_then(|arg| arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')));
        let (name, value) = flag.map_or(("", None), |flag| match flag.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (flag, None),
        });
        if !["port", "whitelist"].contains(&name) {
            ours.push(arg.clone());
            continue;
        }
        let value = value.or_else(|| rest.next().cloned()).unwrap_or_default();
        if name == "port" {
            warnings.push("--port: only this pod can connect; probe with hook-executor --check".to_owned());
            ours.push(joined("--hook-executor-endpoint=http://localhost:", &value));
        } else {
            ours.push(joined("--hook-whitelist-path=", &value));
        }
    }
    (ours, warnings)
}

fn joined(start: &str, end: &OsStr) -> OsString {
    let mut joined = OsString::from(start);
    joined.push(end);
    joined
}
