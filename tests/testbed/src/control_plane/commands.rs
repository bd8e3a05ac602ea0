//! The files and the command lines of a control plane.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::certificates::{self, Authority};
use crate::process::{Process, ProcessBuilder};
use crate::tools::Built;
use crate::{cluster, ports, run_dir};

/// Requests for metadata only: who did what to which object. Bodies are not recorded.
const AUDIT_POLICY: &str = r"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
";

/// One control plane's folder, ports and certificate authority.
pub(super) struct Settings {
    folder: PathBuf,
    authority: Authority,
    pub etcd_port: u16,
    etcd_peer_port: u16,
    api_port: u16,
    pub audit_log: PathBuf,
}

impl Settings {
    /// Chooses ports and writes every file that the programs read.
    pub fn write(folder: PathBuf) -> Result<Self> {
        let [etcd_port, etcd_peer_port, api_port] = ports::free_ports()?;
        let authority = Authority::new("testbed-ca")?;
        let names = ["localhost", "kubernetes.default.svc", "127.0.0.1", "10.96.0.1"];
        let serving = authority.server(&names, false)?;
        let (public, private) = certificates::key_pair()?;
        cluster::write(&folder.join("ca.crt"), &authority.pem())?;
        cluster::write(&folder.join("serving.crt"), &serving.certificate)?;
        cluster::write(&folder.join("serving.key"), &serving.key)?;
        cluster::write(&folder.join("accounts.pub"), &public)?;
        cluster::write(&folder.join("accounts.key"), &private)?;
        cluster::write(&folder.join("audit-policy.yaml"), AUDIT_POLICY)?;
        let data = folder.join(run_dir::DATA);
        std::fs::create_dir(&data).with_context(|| format!("cannot create {}", data.display()))?;
        let audit_log = data.join("audit.log");
        let settings = Self { folder, authority, etcd_port, etcd_peer_port, api_port, audit_log };
        // Users of their own, so that the audit log tells the testbed's own requests from those of a test.
        settings.user_kubeconfig("testbed-admin", &["system:masters"])?;
        settings.user_kubeconfig("system:kube-controller-manager", &["system:masters"])?;
        Ok(settings)
    }

    pub fn admin_kubeconfig(&self) -> PathBuf {
        self.kubeconfig("testbed-admin")
    }

    pub fn user_kubeconfig(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let file = self.kubeconfig(user);
        let server = format!("https://127.0.0.1:{}", self.api_port);
        let pair = self.authority.client(user, groups)?;
        cluster::write_certificate_kubeconfig(&file, &server, &self.path("ca.crt"), &pair)?;
        Ok(file)
    }

    fn kubeconfig(&self, user: &str) -> PathBuf {
        self.path(&format!("{}.kubeconfig", user.replace(':', "-")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Starts etcd.
pub(super) fn etcd(tools: &Built, settings: &Settings) -> Result<Process> {
    let client = format!("http://127.0.0.1:{}", settings.etcd_port);
    let peer = format!("http://127.0.0.1:{}", settings.etcd_peer_port);
    ProcessBuilder::new("etcd", tools.program("server"))
        .arg(flag("data-dir", settings.folder.join(run_dir::DATA).join("etcd")))
        .arg(flag("listen-client-urls", &client))
        .arg(flag("advertise-client-urls", &client))
        .arg(flag("listen-peer-urls", &peer))
        .arg(flag("initial-advertise-peer-urls", &peer))
        .arg(flag("initial-cluster", format!("default={peer}")))
        // Nothing has to survive the run, and a sync per write is most of what a write costs.
        .args(["--unsafe-no-fsync", "--log-level=warn"])
        .log(settings.path("etcd.log"))
        .spawn()
}

/// Starts kube-apiserver.
pub(super) fn api_server(tools: &Built, settings: &Settings) -> Result<Process> {
    ProcessBuilder::new("kube-apiserver", tools.program("kube-apiserver"))
        .arg(flag("etcd-servers", format!("http://127.0.0.1:{}", settings.etcd_port)))
        .arg(flag("secure-port", settings.api_port.to_string()))
        .arg(flag("tls-cert-file", settings.path("serving.crt")))
        .arg(flag("tls-private-key-file", settings.path("serving.key")))
        .arg(flag("client-ca-file", settings.path("ca.crt")))
        .arg(flag("service-account-key-file", settings.path("accounts.pub")))
        .arg(flag("service-account-signing-key-file", settings.path("accounts.key")))
        .arg(flag("audit-policy-file", settings.path("audit-policy.yaml")))
        .arg(flag("audit-log-path", &settings.audit_log))
        .args([
            "--bind-address=127.0.0.1",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged",
            "--endpoint-reconciler-type=none",
            "--audit-log-format=json",
            // In megabytes: a rotated log would be read only in part.
            "--audit-log-maxsize=100000",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
            "--profiling=false",
        ])
        .log(settings.path("kube-apiserver.log"))
        .spawn()
}

/// Starts kube-controller-manager.
pub(super) fn controller_manager(tools: &Built, settings: &Settings) -> Result<Process> {
    ProcessBuilder::new("kube-controller-manager", tools.program("kube-controller-manager"))
        .arg(flag("kubeconfig", settings.kubeconfig("system:kube-controller-manager")))
        .arg(flag("service-account-private-key-file", settings.path("accounts.key")))
        .arg(flag("root-ca-file", settings.path("ca.crt")))
        .args([
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
            // The default of 20 a second is for a cluster that many share.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ])
        .log(settings.path("kube-controller-manager.log"))
        .spawn()
}

fn flag(name: &str, value: impl AsRef<Path>) -> String {
    format!("--{name}={}", value.as_ref().display())
}
