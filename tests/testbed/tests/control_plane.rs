//! The control plane does what tests rely on: namespaces get service accounts, RBAC holds, requests are counted,
//! children go with their owners.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, discovery};
use serde_json::json;
use testbed::audit::Position;
use testbed::{Filter, Testbed, wait_for_condition};

const SOON: Duration = Duration::from_secs(15);

const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
";

fn config_map(name: &str, value: &str) -> ConfigMap {
    let mut object = ConfigMap { data: Some([("key".to_owned(), value.to_owned())].into()), ..ConfigMap::default() };
    object.metadata.name = Some(name.to_owned());
    object
}

#[tokio::test]
async fn a_namespace_gets_its_default_service_account() -> Result<()> {
    let testbed = Testbed::shared().await?;
    let namespace = testbed.namespace("default-account").await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(testbed.client().await?, &namespace);
    wait_for_condition(&accounts, "default", "exist", SOON, |object| !object.is_null()).await?;
    Ok(())
}

#[tokio::test]
async fn an_account_may_do_only_what_rbac_allows() -> Result<()> {
    let testbed = Testbed::shared().await?;
    let namespace = testbed.namespace("rbac").await?;
    let account = testbed.account(&namespace, "reader").await?;
    let maps: Api<ConfigMap> = Api::namespaced(account.client().await?, &namespace);
    let refused = maps.list(&ListParams::default()).await;
    ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?}");

    testbed.apply_yaml(&namespace, READER).await?;
    // The authorizer's cache follows a moment later.
    testbed::eventually("the role to count", SOON, || async { Ok(maps.list(&ListParams::default()).await?) }).await?;
    let refused = maps.create(&PostParams::default(), &config_map("a", "1")).await;
    ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn the_audit_log_counts_writes() -> Result<()> {
    let testbed = Testbed::shared().await?;
    if testbed.is_existing_cluster() {
        // Such a cluster has no audit log to read, and must say so.
        ensure!(testbed.audit_log().await.is_err(), "there cannot be an audit log");
        return Ok(());
    }
    let namespace = testbed.namespace("audit").await?;
    let account = testbed.account(&namespace, "writer").await?;
    let role = READER.replace("get, list, watch", "get, patch, create").replace("reader", "writer");
    testbed.apply_yaml(&namespace, &role).await?;
    let log = testbed.audit_log().await?;
    let maps: Api<ConfigMap> = Api::namespaced(account.client().await?, &namespace);
    let params = PatchParams::apply("test");
    let patch = async |value: &str| maps.patch("a", &params, &Patch::Apply(config_map("a", value))).await;
    testbed::eventually("the role to count", SOON, || async { Ok(patch("1").await?) }).await?;

    let start = log.position().await?;
    patch("2").await?;
    maps.get("a").await?;
    let refused = maps.delete("a", &DeleteParams::default()).await;
    ensure!(refused.is_err(), "a delete must be refused");
    let own = Filter::all().user(&account.user).namespace(&namespace);
    let patches = log.writes(start, &own.clone().verb("patch").resource("configmaps").name("a")).await?;
    ensure!(patches.len() == 1 && patches[0].code() == 200, "{patches:#?}");
    ensure!(log.writes(start, &own.clone().only_success()).await?.len() == 1, "the refused one must not count");
    ensure!(log.writes(start, &own).await?.len() == 2, "here the refused one counts");
    ensure!(log.requests(start, &own).await?.len() == 3, "the read counts among all requests");
    ensure!(log.writes(Position::default(), &own.clone().verb("create")).await?.is_empty(), "an apply is a patch");
    maps.create(&PostParams::default(), &config_map("b", "1")).await?;
    ensure!(log.writes(start, &own.verb("create").name("b")).await?.len() == 1, "a create is found by name");
    Ok(())
}

#[tokio::test]
async fn children_go_with_an_owner_of_a_new_kind() -> Result<()> {
    let testbed = Testbed::shared().await?;
    let namespace = testbed.namespace("owner").await?;
    let client = testbed.client().await?;
    testbed.apply_yaml(&namespace, include_str!("widget.yaml")).await?;
    let kind = GroupVersionKind::gvk("testbed.example.com", "v1", "Widget");
    let (resource, _) = discovery::pinned_kind(&client, &kind).await?;
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let owner = owners.get("owner").await?;
    let mut child = config_map("child", "1");
    child.metadata.owner_references = Some(vec![serde_json::from_value(json!({
        "apiVersion": "testbed.example.com/v1", "kind": "Widget", "name": "owner", "uid": owner.metadata.uid,
    }))?]);
    let children: Api<ConfigMap> = Api::namespaced(client, &namespace);
    children.create(&PostParams::default(), &child).await?;
    // Somebody else's controller manager is not restarted for the new kind, and finds it by itself only every 30 s.
    let within = if testbed.is_existing_cluster() { 6 * SOON } else { SOON };
    owners.delete("owner", &DeleteParams::default()).await?;
    wait_for_condition(&children, "child", "be gone", within, serde_json::Value::is_null).await?;
    Ok(())
}

#[tokio::test]
async fn an_api_server_comes_back_with_what_it_knew() -> Result<()> {
    let testbed = Testbed::start().await?;
    if testbed.is_existing_cluster() {
        ensure!(testbed.stop_api_server().await.is_err(), "somebody else's API server must go on");
        return Ok(());
    }
    let namespace = testbed.namespace("restart").await?;
    let maps: Api<ConfigMap> = Api::namespaced(testbed.client().await?, &namespace);
    maps.create(&PostParams::default(), &config_map("kept", "1")).await?;
    testbed.stop_api_server().await?;
    ensure!(maps.get("kept").await.is_err(), "nobody may answer");
    testbed.start_api_server().await?;
    maps.get("kept").await?;
    Ok(())
}
