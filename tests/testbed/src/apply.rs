//! Server-side apply of YAML manifests of any kind.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::api::{DynamicObject, GroupVersionKind, Patch, PatchParams, TypeMeta};
use kube::core::discovery::Scope;
use kube::{Api, Client, discovery};
use serde_json::Value;

use crate::wait::{condition_is, eventually, wait_for_condition};

const MANAGER: &str = "testbed";
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// Applies every document; gives whether a kind that was not there before was among them.
pub(crate) async fn apply_yaml(client: &Client, namespace: &str, yaml: &str) -> Result<bool> {
    let mut new_kinds = false;
    for document in documents(yaml)? {
        new_kinds |= apply(client, namespace, document).await?;
    }
    Ok(new_kinds)
}

fn documents(yaml: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).context("not YAML")?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

async fn apply(client: &Client, namespace: &str, document: Value) -> Result<bool> {
    let types: TypeMeta = serde_json::from_value(document.clone()).context("a document without apiVersion and kind")?;
    let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let what = format!("{} {name}", types.kind);
    ensure!(!name.is_empty(), "a {} without a name cannot be applied", types.kind);
    let api = api_for(client, &types, namespace, &document).await?;
    let params = PatchParams::apply(MANAGER).force();
    let is_crd = types.kind == "CustomResourceDefinition";
    let is_new = is_crd && api.get_metadata_opt(&name).await.with_context(|| format!("cannot read {what}"))?.is_none();
    api.patch(&name, &params, &Patch::Apply(&document)).await.with_context(|| format!("cannot apply {what}"))?;
    if is_crd {
        let established = condition_is("Established", "True");
        wait_for_condition(&api, &name, "is served", SERVED_WITHIN, established).await?;
    }
    Ok(is_new)
}

async fn api_for(client: &Client, types: &TypeMeta, namespace: &str, document: &Value) -> Result<Api<DynamicObject>> {
    let kind = GroupVersionKind::try_from(types).context("not an apiVersion")?;
    // A kind whose CRD was applied a moment ago shows up in discovery a little later.
    let what = format!("the API server to know {}, {}", types.api_version, types.kind);
    let known = eventually(&what, Duration::from_secs(10), async || {
        discovery::pinned_kind(client, &kind).await.context("the kind cannot be discovered")
    });
    let (resource, capabilities) = known.await?;
    if capabilities.scope == Scope::Cluster {
        return Ok(Api::all_with(client.clone(), &resource));
    }
    let own = document.pointer("/metadata/namespace").and_then(Value::as_str);
    Ok(Api::namespaced_with(client.clone(), own.unwrap_or(namespace), &resource))
}
