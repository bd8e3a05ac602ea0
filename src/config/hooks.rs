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
