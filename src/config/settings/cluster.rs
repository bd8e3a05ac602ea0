//! Settings of the cluster: what is watched, the lease, and who we are.

use std::path::PathBuf;
use std::time::Duration;

use super::Group;
use crate::config::parse::{boolean, dns_label, dns_name, id, namespaces, number, path, period};
use crate::config::selector::label_selector;
use crate::config::setting::{BOOL, Setting};

/// Namespaces to watch.
pub const NAMESPACES: Setting<Vec<String>> =
    Setting::optional("WATCH_NAMESPACES", "NAMES", namespaces, "Namespaces to watch, after commas [default: all]");
/// Which objects to watch.
pub const LABEL_SELECTOR: Setting<String> = Setting::optional(
    "WATCH_LABEL_SELECTOR",
    "SELECTOR",
    label_selector,
    "Watch only ExternalSources with these labels [default: all]",
);
/// Requests per second. No limit by default: the publisher has few writes under way at once, and the API server shares
/// itself out by priority and fairness. Flux's own 50 would make a thousand new sources wait for a minute.
pub const QPS: Setting<u32> =
    Setting::new("KUBE_API_QPS", "0", "NUMBER", number, "Requests per second to the API server over time; 0: no limit");
/// Requests at once.
pub const BURST: Setting<u32> =
    Setting::new("KUBE_API_BURST", "300", "NUMBER", number, "Requests to the API server at once beyond KUBE_API_QPS");
/// The kubeconfig file.
pub const KUBECONFIG: Setting<PathBuf> = Setting::optional(
    "KUBECONFIG",
    "FILE",
    path,
    "The kubeconfig file [default: in-cluster configuration, then the default files]",
);
/// Name of the ConfigMap.
pub const CONFIG_MAP_NAME: Setting<String> = Setting::optional(
    "CONFIG_MAP_NAME",
    "NAME",
    dns_name,
    "ConfigMap with settings that flags and environment do not set, in dotted keys such as http.timeout",
);
/// Namespace of the ConfigMap.
pub const CONFIG_MAP_NAMESPACE: Setting<String> = Setting::optional(
    "CONFIG_MAP_NAMESPACE",
    "NAME",
    dns_label,
    "Namespace of CONFIG_MAP_NAME [default: POD_NAMESPACE]",
);

/// Whether a lease is held.
pub const LEADER_ELECT: Setting<bool> =
    Setting::new("LEADER_ELECT", "false", BOOL, boolean, "Work only while holding a lease; for more than one replica");
/// Name of the lease.
pub const LEASE_NAME: Setting<String> = Setting::new(
    "LEASE_NAME",
    "flux-externalsource-controller",
    "NAME",
    dns_name,
    "Name of the Lease in POD_NAMESPACE",
);
/// Duration of the lease.
pub const LEASE_DURATION: Setting<Duration> = Setting::new(
    "LEASE_DURATION",
    "15s",
    "DURATION",
    period,
    "How long others wait after the last renewal before they take over",
);
/// When we stop writing.
pub const LEASE_RENEW_DEADLINE: Setting<Duration> = Setting::new(
    "LEASE_RENEW_DEADLINE",
    "10s",
    "DURATION",
    period,
    "How long after the last renewal we stop writing; shorter than LEASE_DURATION",
);
/// Time between attempts.
pub const LEASE_RETRY_PERIOD: Setting<Duration> = Setting::new(
    "LEASE_RETRY_PERIOD",
    "2s",
    "DURATION",
    period,
    "Time between attempts to take or renew the lease; shorter than LEASE_RENEW_DEADLINE",
);

/// Our pod.
pub const POD_NAME: Setting<String> =
    Setting::optional("POD_NAME", "NAME", dns_name, "Name of this pod, for artifact URLs and the lease");
/// Our namespace.
pub const POD_NAMESPACE: Setting<String> =
    Setting::optional("POD_NAMESPACE", "NAME", dns_label, "Namespace of this pod [default: RUNTIME_NAMESPACE]");
/// Our namespace, as Flux's controllers are told it.
pub const RUNTIME_NAMESPACE: Setting<String> = Setting::new(
    "RUNTIME_NAMESPACE",
    "flux-system",
    "NAME",
    dns_label,
    "Namespace of this pod where POD_NAMESPACE is not set",
)
.key("artifactServer.serviceNamespace");
/// The headless Service.
pub const SERVICE_NAME: Setting<String> = Setting::new(
    "SERVICE_NAME",
    "externalsource-artifacts",
    "NAME",
    dns_label,
    "Headless Service of the artifact server, for artifact URLs",
)
.key("artifactServer.serviceName");
/// The Service with a cluster IP.
pub const SHARED_SERVICE_NAME: Setting<String> = Setting::new(
    "SHARED_SERVICE_NAME",
    "externalsource-artifacts-shared",
    "NAME",
    dns_label,
    "Service with a cluster IP, for artifact URLs where every replica serves every artifact",
);
/// Our name among the installations of the namespace.
pub const RELEASE_NAME: Setting<String> = Setting::new(
    "RELEASE_NAME",
    "flux-externalsource-controller",
    "NAME",
    dns_name,
    "Name of this installation, in the owner marker of its storage",
);
/// What tells our cluster from others.
pub const CLUSTER_ID: Setting<String> = Setting::optional(
    "CLUSTER_ID",
    "TEXT",
    id,
    "What tells this cluster from others, in the owner marker of its storage [default: the uid of the namespace kube-system]",
);
/// The cluster's DNS domain.
pub const CLUSTER_DOMAIN: Setting<String> =
    Setting::new("CLUSTER_DOMAIN", "cluster.local", "DOMAIN", dns_name, "DNS domain of the cluster, for artifact URLs");

/// What is watched, and how.
pub const WATCH: Group = Group {
    title: "Cluster",
    settings: &[
        NAMESPACES.info,
        LABEL_SELECTOR.info,
        QPS.info,
        BURST.info,
        KUBECONFIG.info,
        CONFIG_MAP_NAME.info,
        CONFIG_MAP_NAMESPACE.info,
    ],
};

/// The lease.
pub const LEASE: Group = Group {
    title: "Leader election",
    settings: &[
        LEADER_ELECT.info,
        LEASE_NAME.info,
        LEASE_DURATION.info,
        LEASE_RENEW_DEADLINE.info,
        LEASE_RETRY_PERIOD.info,
    ],
};

/// Who we are.
pub const POD: Group = Group {
    title: "Identity",
    settings: &[
        POD_NAME.info,
        POD_NAMESPACE.info,
        RUNTIME_NAMESPACE.info,
        SERVICE_NAME.info,
        SHARED_SERVICE_NAME.info,
        CLUSTER_DOMAIN.info,
        RELEASE_NAME.info,
        CLUSTER_ID.info,
    ],
};
