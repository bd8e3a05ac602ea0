//! The Go implementation's examples, unchanged but for the host of their URL, under its own default whitelist.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;

use crate::harness::{Options, Scene, bare, finish, manifest};
use crate::sidecar::Sidecar;

/// A controller that asks a sidecar of its own, which has the real commands.
pub struct Kitchen {
    pub scene: Scene,
    _sidecar: Sidecar,
}

impl Kitchen {
    /// With the Go implementation's whitelist.
    pub async fn open(prefix: &str) -> Result<Self> {
        let jq = fs::read_to_string("/var/lib/dpkg/info/jq.list");
        ensure!(
            jq.is_ok_and(|files| files.contains("/usr/bin/jq\n")),
            "this needs Debian's jq; .ci/debian installs it"
        );
        // In a folder that nobody but root can change, or the sidecar would not run it.
        let yq = finish(bare(Path::new("/usr/local/bin/yq")).arg("--version")).await;
        ensure!(yq.is_ok_and(|ran| ran.stdout.contains("mikefarah")), "this needs yq; .ci/debian installs it");
        let sidecar = Sidecar::start(&manifest("tests/fixtures/whitelist/go.yaml")?).await?;
        let endpoint = format!("unix://{}", sidecar.socket.display());
        let scene = Scene::start_with(prefix, Options::default().with("HOOK_EXECUTOR_ENDPOINT", endpoint)).await?;
        Ok(Self { scene, _sidecar: sidecar })
    }

    /// Applies the example, which gets this answer, and gives the files of its artifact.
    async fn cook(&self, example: &str, answer: &Value) -> Result<Vec<(String, String)>> {
        let spec = self.spec(example, answer)?;
        self.scene.sources.apply(example, &spec).await?;
        self.scene.sources.wait_ready(example).await?;
        self.scene.sources.download(example).await
    }

    /// The example's spec, whose URL leads to our origin.
    fn spec(&self, example: &str, answer: &Value) -> Result<Value> {
        let object: Value =
            serde_saphyr::from_str(&manifest(&format!("tests/fixtures/manifests/accepted/peer-{example}.yaml"))?)?;
        let mut spec = object["spec"].clone();
        let url = spec["generator"]["http"]["url"].as_str().context("no URL")?;
        let path = url::Url::parse(url)?.path().to_owned();
        self.scene.origin.on(&path, Reply::ok(answer.to_string()));
        spec["generator"]["http"]["url"] = self.scene.origin.url(&path).into();
        Ok(spec)
    }
}

#[tokio::test]
async fn data_transformation_examples_give_what_they_say() -> Result<()> {
    let kitchen = Kitchen::open("peer-data").await?;
    let settings = json!({
        "database": {"url": "postgres://db"}, "cache": {"redis_url": "redis://cache"}, "logging": {"level": "info"},
        "features": {"beta": true},
    });
    let files = kitchen.cook("transformed-config", &settings).await?;
    let expected = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-settings\n  namespace: default\ndata:\n  \
                    database_url: postgres://db\n  redis_url: redis://cache\n  log_level: info\n  \
                    feature_flags: '{\"beta\":true}'\n";
    ensure!(files == [("configmap.yaml".to_owned(), expected.to_owned())], "{files:?}");

    let complex = json!({
        "env": {"name": "prod"}, "app": {"version": "1.2"},
        "services": {"api": {"endpoint": "https://api"}, "database": {"connection_string": "c"}},
        "limits": {"connections": 5, "request_timeout": "3s"}, "other": 1,
    });
    let files = kitchen.cook("filtered-config", &complex).await?;
    let [(path, text)] = files.as_slice() else { anyhow::bail!("{files:?}") };
    let extracted = json!({
        "environment": "prod", "version": "1.2", "endpoints": {"api": "https://api", "database": "c"},
        "limits": {"max_connections": 5, "timeout": "3s"},
    });
    ensure!(path == "app-config.json" && serde_json::from_str::<Value>(text)? == extracted, "{text}");

    let environment = json!({"environment": "production", "database_url": "postgres://db", "api_key": "k"});
    let files = kitchen.cook("conditional-config", &environment).await?;
    let expected = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: prod-config\ntype: Opaque\ndata:\n  \
                    database_url: cG9zdGdyZXM6Ly9kYg==\n  api_key: aw==\n";
    ensure!(files == [("environment-config.yaml".to_owned(), expected.to_owned())], "{files:?}");

    let services = json!({"services": [
        {"name": "a", "status": "healthy", "endpoint": "a.svc", "port": 80, "version": "1", "more": true},
        {"name": "b", "status": "down", "endpoint": "b.svc", "port": 81, "version": "2"},
    ]});
    let files = kitchen.cook("service-discovery", &services).await?;
    let expected = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: service-endpoints\ndata:\n  services.json: \
                    '[{\"name\":\"a\",\"endpoint\":\"a.svc\",\"port\":80,\"version\":\"1\"}]'\n";
    ensure!(files == [("services.yaml".to_owned(), expected.to_owned())], "{files:?}");
    Ok(())
}

#[tokio::test]
async fn hooks_examples_give_what_they_say() -> Result<()> {
    let kitchen = Kitchen::open("peer-hooks").await?;
    let files = kitchen.cook("hooks-example", &json!({"tag_name": "v1.36.3", "body": "notes"})).await?;
    let expected = ("kubernetes-version.txt".to_owned(), "Kubernetes Latest Version: v1.36.3\n".to_owned());
    ensure!(files == [expected], "{files:?}");

    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: api-credentials}\nstringData: {X-Api-Key: k}\n";
    kitchen.scene.testbed.apply_yaml(&kitchen.scene.sources.namespace, secret).await?;
    let config = json!({"config": {"settings": {"replicas": 3, "hosts": ["a", "b"]}}});
    let files = kitchen.cook("validation-hook-example", &config).await?;
    let expected = ("config/settings.yaml".to_owned(), "hosts:\n  - a\n  - b\nreplicas: 3\n".to_owned());
    ensure!(files == [expected], "{files:?}");

    let item = |name: &str, status: &str| json!({"name": name, "id": 1, "status": status, "metadata": {"x": 1}});
    let export = json!({"items": [item("a", "active"), item("b", "gone"), item("c", "active")]});
    let files = kitchen.cook("multi-step-processing", &export).await?;
    let expected =
        "{\"name\":\"a\",\"id\":1,\"metadata\":{\"x\":1}}\n{\"name\":\"c\",\"id\":1,\"metadata\":{\"x\":1}}\n";
    ensure!(files == [("data/filtered-items.json".to_owned(), expected.to_owned())], "{files:?}");
    Ok(())
}
