//! From texts to settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::check::{check_kubeconfig, check_lease, check_output_folder, check_ports, check_retry, check_spool};
use super::kept::{controller_storage, local_storage};
use super::settings::{cluster, http, process, server, storage};
use super::{
    ArtifactServerSettings, ConfigError, ControllerSettings, ExecutorSettings, Listen, LocalSettings, LogSettings,
    OperationsSettings, ProcessSettings, RenderOutput, RenderSettings, RunSettings, SpoolSettings, Values, go_config,
    hooks,
};
use crate::address::AddressSettings;
use crate::api::ObjectName;
use crate::cluster::{ClusterSettings, LeaseSettings};
use crate::generators::http::HttpSettings;
use crate::http::ServerSettings;
use crate::pipeline::schedule::{RetrySettings, ScheduleSettings};
use crate::pipeline::unpack::UnpackLimits;

impl ControllerSettings {
    /// Settings from these values. When they name a ConfigMap, what has to hold between settings is checked by
    /// [`Self::with_config_map`] only, because the ConfigMap may hold the other half.
    pub fn new(values: Values) -> Result<Self, ConfigError> {
        let settings = Self::unchecked(values)?;
        check_kubeconfig(&settings.values, settings.cluster.kubeconfig.as_deref())?;
        if settings.config_map.is_none() {
            settings.check()?;
        }
        Ok(settings)
    }

    /// The same settings with the data of [`Self::config_map`] below flags and environment; with no data when there
    /// is no such ConfigMap.
    pub fn with_config_map(self, data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut settings = Self::unchecked(self.values.with_config_map(data)?)?;
        settings.check()?;
        settings.warnings.splice(0..0, self.warnings);
        settings.warnings.extend(odd_keys(&settings.values));
        settings.warnings.dedup();
        Ok(settings)
    }

    fn unchecked(values: Values) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let namespace = own_namespace(&values)?;
        let config_map_namespace = values.find(&cluster::CONFIG_MAP_NAMESPACE)?.unwrap_or_else(|| namespace.clone());
        let config_map = values.find(&cluster::CONFIG_MAP_NAME)?;
        Ok(Self {
            cluster: cluster_settings(&values, &namespace)?,
            config_map: config_map.map(|name| ObjectName::new(&config_map_namespace, &name)),
            pod: ObjectName::new(&namespace, &pod_name(&values)?),
            artifacts: artifact_server(&values)?,
            operations: operations(&values)?,
            storage: controller_storage(&values, &namespace, &mut warnings)?,
            run: run_settings(&values, hooks::sidecar(&values, values.get(&http::MAX_BODY)?)?)?,
            process: process_settings(&values)?,
            warnings,
            values,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let values = &self.values;
        check_retry(values, &self.run.schedule.retry)?;
        check_spool(values, &self.run.spool)?;
        if let Some(lease) = &self.cluster.lease {
            check_lease(values, lease)?;
        }
        let listeners = [
            (values.quote(&server::PORT), self.artifacts.listen),
            (values.quote(&server::HEALTH_ADDR), self.operations.health),
            (values.quote(&server::METRICS_ADDR), self.operations.metrics),
        ];
        check_ports(&listeners)
    }
}

impl LocalSettings {
    /// Settings from these values and what only `local` has.
    pub fn new(values: &Values, folder: PathBuf, addr: SocketAddr) -> Result<Self, ConfigError> {
        let run = run_settings(values, hooks::embedded(values, values.get(&http::MAX_BODY)?)?)?;
        check_retry(values, &run.schedule.retry)?;
        check_spool(values, &run.spool)?;
        Ok(Self {
            folder,
            addr,
            once: false,
            plain: false,
            origin: None,
            server: server_bounds(values)?,
            storage: local_storage(values, format!("http://{addr}"))?,
            run,
            process: process_settings(values)?,
        })
    }
}

impl RenderSettings {
    /// Settings from these values and what only `render` has.
    pub fn new(
        values: &Values,
        file: PathBuf,
        name: Option<String>,
        output: RenderOutput,
    ) -> Result<Self, ConfigError> {
        let run = run_settings(values, hooks::embedded(values, values.get(&http::MAX_BODY)?)?)?;
        check_spool(values, &run.spool)?;
        if let RenderOutput::Folder(folder) = &output {
            check_output_folder(folder)?;
        }
        Ok(Self { file, name, output, run, log: log_settings(values)? })
    }
}

fn own_namespace(values: &Values) -> Result<String, ConfigError> {
    match values.find(&cluster::POD_NAMESPACE)? {
        Some(namespace) => Ok(namespace),
        None => values.get(&cluster::RUNTIME_NAMESPACE),
    }
}

fn cluster_settings(values: &Values, namespace: &str) -> Result<ClusterSettings, ConfigError> {
    let kubeconfig = values.find(&cluster::KUBECONFIG)?;
    // Read whether they are used or not: a mistake shows before the second replica does.
    let lease = lease_settings(values, namespace)?;
    Ok(ClusterSettings {
        // Several files, as kubectl has them, are left to the client library, which reads the variable itself.
        kubeconfig: kubeconfig.filter(|path| !path.to_string_lossy().contains(':')),
        namespaces: values.find(&cluster::NAMESPACES)?.unwrap_or_default(),
        label_selector: values.find(&cluster::LABEL_SELECTOR)?,
        qps: values.get(&cluster::QPS)?,
        burst: values.get(&cluster::BURST)?,
        instance: pod_name(values)?,
        lease: values.get(&cluster::LEADER_ELECT)?.then_some(lease),
    })
}

fn pod_name(values: &Values) -> Result<String, ConfigError> {
    Ok(values.find(&cluster::POD_NAME)?.unwrap_or_else(|| "flux-externalsource".into()))
}

fn lease_settings(values: &Values, namespace: &str) -> Result<LeaseSettings, ConfigError> {
    let pod = pod_name(values)?;
    Ok(LeaseSettings {
        name: values.get(&cluster::LEASE_NAME)?,
        namespace: namespace.to_owned(),
        // A pod of a StatefulSet can come back under its name while the old one still runs on a lost node.
        identity: format!("{pod}_{:016x}", fastrand::u64(..)),
        duration: values.get(&cluster::LEASE_DURATION)?,
        renew_deadline: values.get(&cluster::LEASE_RENEW_DEADLINE)?,
        retry_period: values.get(&cluster::LEASE_RETRY_PERIOD)?,
    })
}

fn artifact_server(values: &Values) -> Result<ArtifactServerSettings, ConfigError> {
    let listen = Listen::everywhere(values.get(&server::PORT)?);
    Ok(ArtifactServerSettings {
        listen: values.get(&server::ENABLED)?.then_some(listen),
        latest: values.get(&server::LATEST)?,
        bounds: server_bounds(values)?,
    })
}

fn server_bounds(values: &Values) -> Result<ServerSettings, ConfigError> {
    Ok(ServerSettings {
        max_connections: values.get(&server::MAX_CONNECTIONS)?,
        header_timeout: values.get(&server::HEADER_TIMEOUT)?,
        idle_timeout: values.get(&server::IDLE_TIMEOUT)?,
        buffer: crate::http::SMALL_BUFFER,
    })
}

fn operations(values: &Values) -> Result<OperationsSettings, ConfigError> {
    let metrics = values.get(&server::METRICS_ADDR)?;
    Ok(OperationsSettings {
        health: values.get(&server::HEALTH_ADDR)?,
        metrics: if values.get(&server::METRICS_ENABLED)? { metrics } else { None },
        upkeep_period: values.get(&server::METRICS_INTERVAL)?,
    })
}

fn run_settings(values: &Values, executor: ExecutorSettings) -> Result<RunSettings, ConfigError> {
    Ok(RunSettings {
        http: http_settings(values)?,
        unpack: UnpackLimits {
            entries: values.get(&process::UNPACK_ENTRIES)?,
            total_size: values.get(&process::UNPACK_TOTAL)?,
            file_size: values.get(&process::UNPACK_FILE)?,
            ratio: values.get(&process::UNPACK_RATIO)?,
        },
        schedule: ScheduleSettings {
            min_interval: values.get(&process::MIN_INTERVAL)?,
            retry: RetrySettings {
                base_delay: values.get(&process::BASE_DELAY)?,
                max_delay: values.get(&process::MAX_DELAY)?,
                max_attempts: values.get(&process::MAX_ATTEMPTS)?,
                jitter_factor: values.get(&process::JITTER_FACTOR)?,
            },
            ..ScheduleSettings::default()
        },
        concurrent: values.get(&process::CONCURRENT)? as usize,
        spool: SpoolSettings {
            directory: values.find(&storage::SPOOL_DIR)?.unwrap_or_else(std::env::temp_dir),
            memory_limit: values.get(&storage::SPOOL_MEMORY_LIMIT)? as usize,
        },
        executor,
    })
}

fn http_settings(values: &Values) -> Result<HttpSettings, ConfigError> {
    Ok(HttpSettings {
        timeout: values.get(&http::TIMEOUT)?,
        max_idle_connections: values.get(&http::MAX_IDLE)?,
        max_idle_connections_per_host: values.get(&http::MAX_IDLE_PER_HOST)?,
        max_connections_per_host: values.get(&http::MAX_PER_HOST)?,
        idle_timeout: values.get(&http::IDLE_TIMEOUT)?,
        user_agent: values.get(&http::USER_AGENT)?,
        max_body: values.get(&http::MAX_BODY)?,
        max_redirects: values.get(&http::MAX_REDIRECTS)?,
        addresses: address_settings(values)?,
        forbid_plain_http: values.get(&http::FORBID_PLAIN_HTTP)?,
        forbid_insecure_skip_verify: values.get(&http::FORBID_INSECURE)?,
    })
}

pub(super) fn address_settings(values: &Values) -> Result<AddressSettings, ConfigError> {
    Ok(AddressSettings {
        deny: values.find(&http::ADDRESS_DENY)?.unwrap_or_default(),
        allow: values.find(&http::ADDRESS_ALLOW)?.unwrap_or_default(),
        deny_private: values.get(&http::ADDRESS_DENY_PRIVATE)?,
        api_server: Vec::new(),
    })
}

pub(super) fn process_settings(values: &Values) -> Result<ProcessSettings, ConfigError> {
    Ok(ProcessSettings { shutdown_grace: values.get(&process::SHUTDOWN_GRACE)?, log: log_settings(values)? })
}

fn log_settings(values: &Values) -> Result<LogSettings, ConfigError> {
    Ok(LogSettings { filter: values.get(&process::LOG_LEVEL)?, format: values.get(&process::LOG_FORMAT)? })
}

fn odd_keys(values: &Values) -> Vec<String> {
    let known: Vec<_> =
        super::settings::CONTROLLER.iter().flat_map(|group| group.settings).filter_map(|info| info.key).collect();
    let odd = values.config_map_keys().filter(|key| !known.contains(key));
    odd.map(|key| {
        let why =
            if go_config::WITHOUT_MEANING.contains(&key) { "has no meaning in this version" } else { "is unknown" };
        format!("ConfigMap key {key} {why} and is ignored")
    })
    .collect()
}
