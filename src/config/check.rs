//! What has to hold between settings, and between a setting and this machine.

use std::io;
use std::path::Path;

use super::settings::{cluster, process, storage};
use super::{ConfigError, Listen, SpoolSettings, Values};
use crate::cluster::LeaseSettings;
use crate::pipeline::schedule::RetrySettings;

/// Delays grow.
pub fn check_retry(values: &Values, retry: &RetrySettings) -> Result<(), ConfigError> {
    if retry.base_delay <= retry.max_delay {
        return Ok(());
    }
    let (base, max) = (values.quote(&process::BASE_DELAY), values.quote(&process::MAX_DELAY));
    Err(ConfigError::Conflict(format!("{base} must not be longer than {max}")))
}

/// Each period leaves room for the shorter one.
pub fn check_lease(values: &Values, lease: &LeaseSettings) -> Result<(), ConfigError> {
    let deadline = values.quote(&cluster::LEASE_RENEW_DEADLINE);
    if lease.renew_deadline >= lease.duration {
        let duration = values.quote(&cluster::LEASE_DURATION);
        return Err(ConfigError::Conflict(format!("{deadline} must be shorter than {duration}")));
    }
    if lease.retry_period >= lease.renew_deadline {
        let period = values.quote(&cluster::LEASE_RETRY_PERIOD);
        return Err(ConfigError::Conflict(format!("{period} must be shorter than {deadline}")));
    }
    Ok(())
}

/// No two servers want the same port; `listeners` are named for the message.
pub fn check_ports(listeners: &[(String, Option<Listen>)]) -> Result<(), ConfigError> {
    for (i, (name, listen)) in listeners.iter().enumerate() {
        for (other_name, other) in &listeners[i + 1..] {
            if listen.zip(*other).is_some_and(|(a, b)| a.conflicts_with(&b)) {
                return Err(ConfigError::Conflict(format!("{name} and {other_name} must be different ports")));
            }
        }
    }
    Ok(())
}

/// The file, if it is a single one that was named, can be read.
pub fn check_kubeconfig(values: &Values, file: Option<&Path>) -> Result<(), ConfigError> {
    let Some(Err(error)) = file.map(std::fs::File::open) else { return Ok(()) };
    Err(values.reject(&cluster::KUBECONFIG, format!("must be a file that can be read: {}", plain(&error))))
}

/// The folder can be written to.
pub fn check_spool(values: &Values, spool: &SpoolSettings) -> Result<(), ConfigError> {
    let directory = spool.directory.display();
    match tempfile::tempfile_in(&spool.directory) {
        Ok(_) => Ok(()),
        Err(error) => Err(values.reject(
            &storage::SPOOL_DIR,
            format!("must be a folder that can be written to; {directory}: {}", plain(&error)),
        )),
    }
}

/// The folder is empty or absent.
pub fn check_output_folder(folder: &Path) -> Result<(), ConfigError> {
    let refuse = |why: &str| Err(ConfigError::Conflict(format!("--output {}: {why}", folder.display())));
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => refuse("the folder is not empty"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => refuse(&plain(&error)),
    }
}

/// The error without the temporary name that `tempfile` adds.
fn plain(error: &io::Error) -> String {
    error.kind().to_string()
}
