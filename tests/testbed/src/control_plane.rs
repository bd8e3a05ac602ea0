//! etcd, kube-apiserver and kube-controller-manager of one test process.

mod commands;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use commands::Settings;
use kube::Client;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::process::Process;
use crate::tools::{self, Built};
use crate::{cluster, run_dir};

const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Another process may take a free port between its choice and its use.
const ATTEMPTS: usize = 3;
const PORT_TAKEN: &str = "address already in use";

/// A running control plane; it ends when this is dropped.
pub(crate) struct ControlPlane {
    settings: Settings,
    tools: Built,
    controller_manager: Mutex<Process>,
    api_server: Mutex<Process>,
    _etcd: Process,
}

impl ControlPlane {
    /// Starts one and waits until it serves.
    pub async fn start() -> Result<Self> {
        let tools = tools::ensure(&tools::KUBERNETES).await?;
        let mut attempt = 1;
        loop {
            match Self::try_start(tools.clone()).await {
                Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains(PORT_TAKEN) => attempt += 1,
                result => return result.context("cannot start the control plane"),
            }
        }
    }

    async fn try_start(tools: Built) -> Result<Self> {
        let settings = Settings::write(run_dir::subfolder("control-plane")?)?;
        let etcd = commands::etcd(&tools, &settings)?;
        etcd.until_ready(STARTS_WITHIN, async || {
            let address = ("127.0.0.1", settings.etcd_port);
            TcpStream::connect(address).await.map(drop).context("etcd does not listen")
        })
        .await?;
        let api_server = Mutex::new(start_api_server(&tools, &settings).await?);
        let controller_manager = Mutex::new(commands::controller_manager(&tools, &settings)?);
        Ok(Self { settings, tools, controller_manager, api_server, _etcd: etcd })
    }

    /// The kubeconfig of a user who may do everything.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.settings.admin_kubeconfig()
    }

    /// Writes a kubeconfig for a user of this name and these groups, who is then told apart in the audit log.
    pub fn user_kubeconfig(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        self.settings.user_kubeconfig(user, groups)
    }

    /// Where the audit log is.
    pub fn audit_log(&self) -> &Path {
        &self.settings.audit_log
    }

    /// Ends the API server as a crash would; etcd keeps what it had.
    pub async fn stop_api_server(&self) -> Result<()> {
        self.api_server.lock().await.kill().await.map(drop)
    }

    /// Starts the API server again, at the same address.
    pub async fn start_api_server(&self) -> Result<()> {
        let mut running = self.api_server.lock().await;
        running.kill().await?;
        *running = start_api_server(&self.tools, &self.settings).await?;
        Ok(())
    }

    /// Starts the controller manager anew. Its garbage collector looks for new kinds of objects only every 30 s, and
    /// until it knows one, nothing is deleted because its owner of that kind is.
    pub async fn restart_controller_manager(&self) -> Result<()> {
        let mut running = self.controller_manager.lock().await;
        running.kill().await?;
        *running = commands::controller_manager(&self.tools, &self.settings)?;
        Ok(())
    }
}

async fn start_api_server(tools: &Built, settings: &Settings) -> Result<Process> {
    let process = commands::api_server(tools, settings)?;
    let client = cluster::client(&settings.admin_kubeconfig()).await?;
    process.until_ready(STARTS_WITHIN, || ready(&client)).await?;
    Ok(process)
}

async fn ready(client: &Client) -> Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new()).context("not a request")?;
    let answer = client.request_text(request).await.context("the API server is not ready")?;
    ensure!(answer == "ok", "the API server is not ready: {answer}");
    Ok(())
}
