//! Debian's nginx over the same files, with the settings of its package that concern serving. Its log of requests, which the
//! package has switched on, can be left out: we write none.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testbed::free_port;

use crate::bed::{Bed, LIMIT};

const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx; dropping it ends it.
pub struct Nginx {
    master: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Serves the bed's volume; `None` where there is no nginx, or no volume.
    pub async fn start(bed: &Bed, log: bool) -> Result<Option<Self>> {
        if !fs::exists(PROGRAM)? || !fs::exists(bed.volume())? {
            return Ok(None);
        }
        let (folder, port) = (tempfile::tempdir()?, free_port()?);
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config(bed, &folder, port, log))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(&file).arg("-p").arg(folder.path()).stdin(Stdio::null()).stderr(Stdio::null());
        let master = command.spawn().context("nginx does not start")?;
        let nginx = Self { master, address: ([127, 0, 0, 1], port).into(), _folder: folder };
        nginx.until_ready(bed).await?;
        Ok(Some(nginx))
    }

    async fn until_ready(&self, bed: &Bed) -> Result<()> {
        let url = format!("http://{}{}", self.address, bed.path("small"));
        let ready = || async {
            let status = reqwest::get(&url).await?.status();
            ensure!(status == 200, "nginx answered {status}");
            Ok(())
        };
        testbed::eventually("nginx to answer", LIMIT, ready).await
    }

    /// Its processes.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let master = self.master.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
        let workers = children.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
        ensure!(!workers.is_empty(), "nginx has no workers");
        Ok(workers.into_iter().chain([master]).collect())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // To the master, which ends its workers.
        let _ = Command::new("kill").arg(self.master.id().to_string()).status();
        let _ = self.master.wait();
    }
}

fn config(bed: &Bed, folder: &TempDir, port: u16, log: bool) -> String {
    let log = if log { format!("{}/access.log", folder.path().display()) } else { "off".into() };
    let (volume, folder) = (bed.volume(), folder.path().display());
    format!(
        "daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes auto; user root;
        events {{ worker_connections 768; }}
        http {{
            sendfile on; tcp_nopush on; types_hash_max_size 2048; access_log {log};
            default_type application/octet-stream; keepalive_requests 1000000000;
            client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
            uwsgi_temp_path {folder}; scgi_temp_path {folder};
            server {{ listen 127.0.0.1:{port}; root {}; }}
        }}",
        volume.display()
    )
}
