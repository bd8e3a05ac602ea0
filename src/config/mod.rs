//! Configuration: from texts in layers (flag over environment over ConfigMap over default) to values that fit together.
//! A bad value stops the start with a message that names the setting, the value and what is accepted.

mod address;
mod check;
mod go_config;
mod hooks;
mod kept;
mod logs;
mod parse;
mod resolve;
mod s3;
mod selector;
pub mod setting;
pub mod settings;
mod values;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use address::Listen;
pub use logs::LogSettings;
pub use values::{ConfigError, Origin, Values};

use crate::address::AddressSettings;
use crate::api::ObjectName;
use crate::cluster::ClusterSettings;
use crate::generators::http::HttpSettings;
use crate::hooks::{Endpoint, EngineSettings, RemoteSettings};
use crate::http::ServerSettings;
use crate::pipeline::collect::CollectSettings;
use crate::pipeline::schedule::ScheduleSettings;
use crate::pipeline::unpack::UnpackLimits;
use crate::sandbox::SandboxSettings;
use crate::storage::Owner;
use crate::storage::cache::CacheSettings;
use crate::storage::s3::{BucketSettings, Serve};

/// What `controller` runs with.
#[derive(Debug, Clone)]
pub struct ControllerSettings {
    /// The cluster.
    pub cluster: ClusterSettings,
    /// The ConfigMap to read before anything else; see [`ControllerSettings::with_config_map`].
    pub config_map: Option<ObjectName>,
    /// The pod of this process.
    pub pod: ObjectName,
    /// The artifact server.
    pub artifacts: ArtifactServerSettings,
    /// Health and metrics.
    pub operations: OperationsSettings,
    /// What is kept.
    pub storage: StorageSettings,
    /// What a run needs.
    pub run: RunSettings,
    /// What the process does.
    pub process: ProcessSettings,
    /// What is odd about the configuration without being wrong; to be logged once.
    pub warnings: Vec<String>,
    values: Values,
}

/// What `local` runs with.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// The folder of manifests.
    pub folder: PathBuf,
    /// Where artifacts are served; port 0 lets the system pick one, so that `storage.base_url` holds 0 too and is to be
    /// replaced by what was bound.
    pub addr: SocketAddr,
    /// End once every source is Ready or has failed.
    pub once: bool,
    /// Lines instead of the live view, also on a terminal.
    pub plain: bool,
    /// The folder to serve as an origin, and where.
    pub origin: Option<(PathBuf, SocketAddr)>,
    /// Bounds of the artifact server.
    pub server: ServerSettings,
    /// What is kept.
    pub storage: StorageSettings,
    /// What a run needs.
    pub run: RunSettings,
    /// What the process does.
    pub process: ProcessSettings,
}

/// What `render` runs with.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// The file (or folder) of manifests.
    pub file: PathBuf,
    /// Which ExternalSource of the file; may be left out when there is one.
    pub name: Option<String>,
    /// Where the result goes.
    pub output: RenderOutput,
    /// What a run needs.
    pub run: RunSettings,
    /// What is logged.
    pub log: LogSettings,
}

/// Where the result of `render` goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderOutput {
    /// The archive, into this file.
    Archive(PathBuf),
    /// The tree, into this folder, which is empty or not there.
    Folder(PathBuf),
    /// The archive, to standard output.
    Stdout,
}

/// The artifact server.
#[derive(Debug, Clone)]
pub struct ArtifactServerSettings {
    /// Where it listens; `None` when it is off.
    pub listen: Option<Listen>,
    /// Serve `latest.tar.gz`.
    pub latest: bool,
    /// Its bounds.
    pub bounds: ServerSettings,
}

/// Health and metrics.
#[derive(Debug, Clone)]
pub struct OperationsSettings {
    /// Where health is served.
    pub health: Option<Listen>,
    /// Where metrics are served; `None` also when they are not recorded.
    pub metrics: Option<Listen>,
    /// Period of the upkeep of histograms.
    pub upkeep_period: Duration,
}

/// What is kept.
#[derive(Debug, Clone)]
pub struct StorageSettings {
    /// Where it is kept.
    pub backend: StorageBackend,
    /// What comes before the key in every URL, without a trailing slash.
    pub base_url: String,
    /// Who we are. Without a cluster, what tells it from others is to be found out.
    pub owner: Owner,
    /// Who writes: the pod, for those who cannot write because of it.
    pub writer: String,
    /// Copies beside a backend that is not memory.
    pub cache: CacheSettings,
    /// How long a revision lives on that is no longer advertised.
    pub retention_ttl: Duration,
    /// Revisions kept per object at least.
    pub retention_records: usize,
    /// When and how what nobody needs is removed.
    pub collect: CollectSettings,
}

/// Where archives are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageBackend {
    /// In this process's memory.
    Memory {
        /// Total size of all archives in bytes.
        capacity: u64,
    },
    /// In a folder of a volume.
    Pvc {
        /// The folder.
        path: PathBuf,
        /// Whether all replicas have the same folder.
        shared: bool,
        /// How long it may take for an operation.
        timeout: Duration,
        /// Whose folder becomes ours.
        take_over: Option<String>,
    },
    /// In a bucket.
    S3 {
        /// The bucket.
        bucket: Box<BucketSettings>,
        /// How consumers get at archives.
        serve: Serve,
        /// Whose bucket becomes ours.
        take_over: Option<String>,
    },
}

impl StorageBackend {
    /// Whether every replica can serve what one of them stores.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Pvc { shared: true, .. } | Self::S3 { .. })
    }
}

/// What a run needs.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The `http` generator.
    pub http: HttpSettings,
    /// Limits of unpacking.
    pub unpack: UnpackLimits,
    /// When sources run.
    pub schedule: ScheduleSettings,
    /// Sources that are worked on at once.
    pub concurrent: usize,
    /// Where bytes are while they are worked on.
    pub spool: SpoolSettings,
    /// Who runs hooks, transformations and assertions.
    pub executor: ExecutorSettings,
}

/// Who runs hooks, transformations and assertions.
#[derive(Debug, Clone)]
pub enum ExecutorSettings {
    /// Nobody.
    None,
    /// Another process.
    Sidecar(RemoteSettings),
    /// This process.
    Embedded(EmbeddedSettings),
}

impl ExecutorSettings {
    /// Sources that are worked on at once.
    pub fn concurrent(&self) -> usize {
        match self {
            Self::None => 1,
            Self::Sidecar(settings) => settings.max_concurrent,
            Self::Embedded(settings) => settings.engine.max_concurrent,
        }
    }
}

/// How this process runs commands.
#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The whitelist; without one no command is allowed.
    pub whitelist: Option<PathBuf>,
    /// What commands get.
    pub engine: EngineSettings,
    /// Where and how strictly they are confined.
    pub sandbox: SandboxSettings,
}

/// What `hook-executor` runs with.
#[derive(Debug, Clone)]
pub struct HookExecutorSettings {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The whitelist.
    pub whitelist: PathBuf,
    /// What commands get.
    pub engine: EngineSettings,
    /// Where and how strictly they are confined.
    pub sandbox: SandboxSettings,
    /// Where commands may connect to that may use the network.
    pub addresses: AddressSettings,
    /// What the process does.
    pub process: ProcessSettings,
    /// Only ask the one that listens there how it is.
    pub check: bool,
    /// What is odd about the command line without being wrong; to be logged once.
    pub warnings: Vec<String>,
}

/// Where bytes are while they are worked on.
#[derive(Debug, Clone)]
pub struct SpoolSettings {
    /// The folder for what is too large for memory; exists and can be written to.
    pub directory: PathBuf,
    /// Bytes of one body or archive kept in memory.
    pub memory_limit: usize,
}

/// What the process does.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// How long open work may take at the end.
    pub shutdown_grace: Duration,
    /// What is logged.
    pub log: LogSettings,
}
