//! A server's certificate as files, under the names that MinIO looks for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::certificates::Authority;

/// Files of a server for 127.0.0.1.
pub(super) struct ServerCertificate {
    pub folder: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The certificate of the authority that signed it.
    pub authority: PathBuf,
}

impl ServerCertificate {
    pub fn write(folder: &Path) -> Result<Self> {
        fs::create_dir(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let authority = Authority::new("testbed S3")?;
        let pair = authority.server(&["127.0.0.1", "localhost"], false)?;
        let write = |name: &str, content: &str| {
            let path = folder.join(name);
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
            Ok::<_, anyhow::Error>(path)
        };
        Ok(Self {
            folder: folder.to_owned(),
            certificate: write("public.crt", &pair.certificate)?,
            key: write("private.key", &pair.key)?,
            authority: write("authority.pem", &authority.pem())?,
        })
    }
}
