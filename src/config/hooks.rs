//! Settings of hooks and transformations, from texts.

use super::settings::hooks as set;
use super::{
    ConfigError, EmbeddedSettings, ExecutorSettings, HookExecutorSettings, Values,
    resolve::{address_settings, process_settings},
};
use crate::hooks::{Endpoint, EngineSettings, RemoteSettings};
use crate::sandbox::{Limits, SandboxSettings};

impl HookExecutorSettings {
    /// Settings from these values.
    pub fn new(values: &Values) -> Result<Self, ConfigError> {
        let engine = engine(values)?;
        if engine.default_timeout > engine.max_timeout {
            let (default, max) = (values.quote(&set::DEFAULT_TIMEOUT), values.quote(&set::MAX_TIMEOUT));
            return Err(ConfigError::Conflict(format!("{default} must not be longer than {max}")));
        }
        let endpoint = values.get(&set::ENDPOINT)?;
        Ok(Self {
            endpoint: endpoint.ok_or_else(|| values.reject(&set::ENDPOINT, "is nowhere to listen"))?,
            whitelist: values.get(&set::WHITELIST)?,
            engine,
            sandbox: sandbox(values)?,
            addresses: address_settings(values)?,
            process: process_settings(values)?,
            check: false,
            warnings: Vec::new(),
        })
    }
}

/// Who runs them is the sidecar, if there is one. No more output is kept than of an answer.
pub(super) fn sidecar(values: &Values, max_output: u64) -> Result<ExecutorSettings, ConfigError> {
    let max_concurrent = values.get(&set::CONCURRENT)? as usize;
    remote(values, values.get(&set::ENDPOINT)?, max_concurrent, max_output)
}

fn remote(
    values: &Values,
    endpoint: Option<Endpoint>,
    max_concurrent: usize,
    max_output: u64,
) -> Result<ExecutorSettings, ConfigError> {
    let Some(endpoint) = endpoint else { return Ok(ExecutorSettings::None) };
    Ok(ExecutorSettings::Sidecar(RemoteSettings {
        endpoint,
        default_timeout: values.get(&set::DEFAULT_TIMEOUT)?,
        transform_timeout: values.get(&set::TRANSFORM_TIMEOUT)?,
        max_concurrent,
        max_output,
    }))
}

/// Who runs them is this process, unless a sidecar is named.
pub(super) fn embedded(values: &Values, max_output: u64) -> Result<ExecutorSettings, ConfigError> {
    if let Some(endpoint) = values.find(&set::LOCAL_ENDPOINT)? {
        return remote(values, endpoint, values.get(&set::MAX_CONCURRENT)? as usize, max_output);
    }
    Ok(ExecutorSettings::Embedded(EmbeddedSettings {
        whitelist: values.find(&set::LOCAL_WHITELIST)?,
        engine: engine(values)?,
        sandbox: sandbox(values)?,
    }))
}

fn engine(values: &Values) -> Result<EngineSettings, ConfigError> {
    let max_timeout = values.get(&set::MAX_TIMEOUT)?;
    Ok(EngineSettings {
        default_timeout: values.get(&set::DEFAULT_TIMEOUT)?,
        max_timeout,
        transform_timeout: values.get(&set::TRANSFORM_TIMEOUT)?,
        max_concurrent: values.get(&set::MAX_CONCURRENT)? as usize,
        limits: Limits {
            time: max_timeout,
            cpu: values.get(&set::MAX_CPU_TIME)?,
            memory: values.get(&set::MAX_MEMORY)?,
            processes: values.get(&set::MAX_PROCESSES)?.into(),
            files: values.get(&set::MAX_OPEN_FILES)?.into(),
            disk: values.get(&set::MAX_DISK)?,
            stdin: values.get(&set::MAX_STDIN)?,
            stdout: values.get(&set::MAX_STDOUT)?,
            stderr: values.get(&set::MAX_STDERR)?,
        },
        log_stderr: values.get(&set::LOG_STDERR)?,
    })
}

fn sandbox(values: &Values) -> Result<SandboxSettings, ConfigError> {
    let settings = SandboxSettings::new(values.get(&set::WORK_DIR)?);
    Ok(SandboxSettings { requirement: values.get(&set::SANDBOX)?, ..settings })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{ControllerSettings, LocalSettings};
    use crate::hooks::Endpoint;
    use crate::sandbox::Requirement;

    fn values(environment: &[(&str, &str)]) -> Values {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Values::new([].into(), environment, &[])
    }

    fn sidecar_of(environment: &[(&str, &str)]) -> Result<HookExecutorSettings, ConfigError> {
        HookExecutorSettings::new(&values(environment))
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = sidecar_of(&[]).unwrap();
        assert_eq!(settings.endpoint.to_string(), "unix:///run/externalsource-hooks/hooks.sock");
        assert_eq!(settings.whitelist.to_str(), Some("/etc/hooks/whitelist.yaml"));
        assert_eq!(settings.sandbox.requirement, Requirement::Strict);
        let (engine, limits) = (&settings.engine, &settings.engine.limits);
        assert_eq!((engine.default_timeout, engine.max_timeout), (Duration::from_secs(30), Duration::from_secs(600)));
        assert_eq!((engine.max_concurrent, engine.log_stderr), (4, false));
        assert_eq!((limits.stdin, limits.stdout, limits.stderr), (256 << 20, 256 << 20, 64 << 10));
        assert_eq!((limits.memory, limits.cpu), (256 << 20, Duration::from_secs(60)));
        assert_eq!((limits.processes, limits.files, limits.disk), (64, 256, 64 << 20));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        for (environment, said) in [
            (&[("HOOK_EXECUTOR_ENDPOINT", "http://0.0.0.0:1")][..], "HOOK_EXECUTOR_ENDPOINT (from environment)"),
            (&[("HOOK_EXECUTOR_ENDPOINT", "none")], "HOOK_EXECUTOR_ENDPOINT (from environment): \"none\" is nowhere"),
            (&[("HOOK_SANDBOX", "lax")], "HOOK_SANDBOX (from environment): \"lax\" must be strict or best-effort"),
            (&[("HOOK_MAX_CONCURRENT", "0")], "HOOK_MAX_CONCURRENT"),
            (&[("HOOK_MAX_MEMORY", "0")], "HOOK_MAX_MEMORY"),
            (&[("HOOK_DEFAULT_TIMEOUT", "20m")], "HOOK_DEFAULT_TIMEOUT (20m) must not be longer than HOOK_MAX_TIMEOUT"),
        ] {
            let error = sidecar_of(environment).unwrap_err().to_string();
            assert!(error.contains(said), "{environment:?}: {error}");
        }
    }

    #[test]
    fn a_controller_asks_the_sidecar_and_may_have_none() {
        let executor =
            |environment: &[(&str, &str)]| ControllerSettings::new(values(environment)).unwrap().run.executor;
        let ExecutorSettings::Sidecar(settings) =
            executor(&[("HOOK_EXECUTOR_ENDPOINT", "http://localhost:8082"), ("HTTP_MAX_BODY_SIZE", "1Mi")])
        else {
            panic!("another executor");
        };
        assert_eq!((settings.endpoint, settings.max_output), (Endpoint::local(8082), 1 << 20));
        assert_eq!(settings.max_concurrent, 16);
        assert!(matches!(executor(&[("HOOK_EXECUTOR_ENDPOINT", "none")]), ExecutorSettings::None));
    }

    #[test]
    fn the_go_implementations_keys_are_read() {
        let data = [("hooks.sidecarEndpoint", "http://localhost:8081"), ("hooks.defaultTimeout", "5s")];
        let data = data.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let settings = ControllerSettings::new(values(&[])).unwrap().with_config_map(&data).unwrap();
        let ExecutorSettings::Sidecar(remote) = settings.run.executor else { panic!("another executor") };
        assert_eq!((remote.endpoint, remote.default_timeout), (Endpoint::local(8081), Duration::from_secs(5)));
    }

    #[test]
    fn a_local_run_has_no_whitelist_unless_it_is_named() {
        let whitelist = |environment: &[(&str, &str)]| {
            let address = ([127, 0, 0, 1], 0).into();
            match LocalSettings::new(&values(environment), ".".into(), address).unwrap().run.executor {
                ExecutorSettings::Embedded(settings) => settings.whitelist,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(whitelist(&[]), None);
        assert_eq!(whitelist(&[("HOOK_WHITELIST_PATH", "w.yaml")]), Some("w.yaml".into()));
    }
}
