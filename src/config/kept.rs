//! Settings of what is kept, and under which address.

use super::settings::storage::Backend;
use super::settings::{cluster, server, storage};
use super::{ConfigError, StorageBackend, StorageSettings, Values, s3};
use crate::pipeline::collect::CollectSettings;
use crate::storage::Owner;
use crate::storage::cache::CacheSettings;
use crate::storage::s3::Serve;

/// Base URL of what is served nowhere.
const UNSERVED: &str = "memory://localhost";

/// What `controller` keeps; `namespace` is its own.
pub(super) fn controller_storage(
    values: &Values,
    namespace: &str,
    warnings: &mut Vec<String>,
) -> Result<StorageSettings, ConfigError> {
    let backend = backend(values)?;
    let base_url = controller_url(values, namespace, backend.is_shared(), warnings)?;
    let owner = Owner {
        cluster: values.find(&cluster::CLUSTER_ID)?,
        namespace: namespace.to_owned(),
        release: values.get(&cluster::RELEASE_NAME)?,
    };
    let pod = values.find(&cluster::POD_NAME)?;
    let writer = pod.map_or_else(|| "a process without POD_NAME".to_owned(), |pod| format!("pod {namespace}/{pod}"));
    settings(values, backend, base_url, owner, writer)
}

/// What `local` keeps: it belongs to nobody's cluster.
pub(super) fn local_storage(values: &Values, base_url: String) -> Result<StorageSettings, ConfigError> {
    let local = || "local".to_owned();
    let owner = Owner { cluster: Some(local()), namespace: local(), release: local() };
    let backend = match values.get(&storage::BACKEND)? {
        Backend::S3 => return Err(values.reject(&storage::BACKEND, "must be \"memory\" or \"pvc\" here")),
        Backend::Memory | Backend::Pvc => backend(values)?,
    };
    settings(values, backend, base_url, owner, "a local run".into())
}

fn settings(
    values: &Values,
    backend: StorageBackend,
    base_url: String,
    owner: Owner,
    writer: String,
) -> Result<StorageSettings, ConfigError> {
    Ok(StorageSettings {
        base_url,
        owner,
        writer,
        cache: cache(values, &backend)?,
        retention_ttl: values.get(&storage::RETENTION_TTL)?,
        retention_records: values.get(&storage::RETENTION_RECORDS)?,
        collect: CollectSettings {
            interval: values.get(&storage::COLLECT_INTERVAL)?,
            stale_after: values.get(&storage::STALE_AFTER)?,
            verify_period: values.get(&storage::VERIFY_PERIOD)?,
            records: values.get(&storage::RETENTION_RECORDS)?,
        },
        backend,
    })
}

/// Copies on disk by default, for a bucket whose archives we serve.
const BUCKET_CACHE: u64 = 1 << 30;

fn cache(values: &Values, backend: &StorageBackend) -> Result<CacheSettings, ConfigError> {
    let memory = values.get(&storage::CACHE_MEMORY)?;
    let disk = values.find(&storage::CACHE_DISK)?.unwrap_or(match backend {
        StorageBackend::S3 { serve: Serve::Controller, .. } => BUCKET_CACHE,
        // A volume has files already, and what others serve needs none.
        _ => 0,
    });
    Ok(CacheSettings { memory, disk })
}

fn backend(values: &Values) -> Result<StorageBackend, ConfigError> {
    // Read whether they are used or not: a mistake shows before the backend is switched.
    let capacity = values.get(&storage::MEMORY_CAPACITY)?;
    let path = values.get(&storage::PVC_PATH)?;
    let shared = values.get(&storage::PVC_SHARED)?;
    let timeout = values.get(&storage::PVC_TIMEOUT)?;
    let take_over = values.find(&storage::TAKE_OVER)?;
    let bucket = s3::bucket(values)?;
    Ok(match values.get(&storage::BACKEND)? {
        Backend::Memory => StorageBackend::Memory { capacity },
        Backend::Pvc => StorageBackend::Pvc { path, shared, timeout, take_over },
        Backend::S3 => {
            let (bucket, serve) = bucket.ok_or_else(|| s3::no_bucket(values))?;
            StorageBackend::S3 { bucket: Box::new(bucket), serve, take_over }
        }
    })
}

/// The address of our artifacts: through the headless Service, so that it names this very pod, which alone has them; or
/// that of a Service with an address of its own, which leads to any pod that is ready, where all of them have them.
fn controller_url(
    values: &Values,
    namespace: &str,
    shared: bool,
    warnings: &mut Vec<String>,
) -> Result<String, ConfigError> {
    if !values.get(&server::ENABLED)? {
        return Ok(UNSERVED.to_owned());
    }
    if let Some(url) = values.find(&server::BASE_URL)? {
        return Ok(url);
    }
    let domain = values.get(&cluster::CLUSTER_DOMAIN)?;
    let shared_service = values.get(&cluster::SHARED_SERVICE_NAME)?;
    let port = values.get(&server::PORT)?;
    let host = |service: String| format!("{service}.{namespace}.svc.{domain}:{port}");
    if shared {
        return Ok(format!("http://{}", host(shared_service)));
    }
    let host = host(values.get(&cluster::SERVICE_NAME)?);
    if let Some(pod) = values.find(&cluster::POD_NAME)? {
        return Ok(format!("http://{pod}.{host}"));
    }
    warnings.push("POD_NAME is not set: artifact URLs name the Service, which must reach this very pod".into());
    Ok(format!("http://{host}"))
}
