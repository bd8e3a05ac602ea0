//! Assertions and transformations, evaluated by the real sidecar.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use testbed::Reply;
use testbed::wait::condition;

use super::bed::{Bed, hook, message, with};

#[tokio::test]
async fn an_answer_becomes_one_yaml_file_or_several_files() -> Result<()> {
    let bed = Bed::start("transform-shape").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/items.json", Reply::json(&json!({"items": [{"name": "a", "on": true}, {"name": "b", "on": false}]})));
    let url = origin.url("/items.json");
    let map = "{apiVersion: \"v1\", kind: \"ConfigMap\", metadata: {name: .name}}";
    let one = json!({"transform": [{"cel": "body.items.filter(item, item.on)"}, {"jq": format!(".[] | {map}")}],
        "output": "yaml"});
    sources.apply("one", &with(&url, &one)).await?;
    sources.wait_ready("one").await?;
    let files = sources.download("one").await?;
    let read: Value = serde_saphyr::from_str(&files[0].1)?;
    ensure!(files.len() == 1 && files[0].0 == "items.yaml" && read["metadata"]["name"] == "a", "{files:?}");

    let several = json!({"transform": [{"jq": format!("[.items[] | {{key: \"maps/\\(.name).yaml\", value: {map}}}] | from_entries")}],
        "output": "yaml", "outputFiles": true, "destinationPath": "deploy"});
    sources.apply("several", &with(&url, &several)).await?;
    sources.wait_ready("several").await?;
    let files = sources.download("several").await?;
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    ensure!(names == ["deploy/maps/a.yaml", "deploy/maps/b.yaml"], "{files:?}");

    // Hooks first, then the transformation.
    let mut both = one;
    both["hooks"] = json!({"postRequest": [hook("first", "jq", &["{items: [.items[1] | .on = true]}"])]});
    sources.apply("both", &with(&url, &both)).await?;
    sources.wait_ready("both").await?;
    ensure!(sources.download("both").await?[0].1.contains("name: b"));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_hold_or_an_expression_that_fails_leaves_the_last_good_artifact() -> Result<()> {
    let bed = Bed::start("transform-refused").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    let good = Reply::json(&json!({"items": ["c4n4ry"]}));
    for (name, more, bad, reason, says) in [
        (
            "message",
            json!({"assertions": [{"cel": "size(body.items) > 0", "message": "there are no items"}]}),
            json!({"items": []}),
            "AssertionFailed",
            "there are no items",
        ),
        (
            "expression",
            json!({"assertions": [{"cel": "status == 200"}, {"cel": "headers['content-type'] == 'application/json' && size(body.items) > 0"}]}),
            json!({"items": []}),
            "AssertionFailed",
            "the answer does not meet the assertion headers['content-type'] == 'application/json' && size(body.items) > 0",
        ),
        (
            "missing",
            json!({"assertions": [{"cel": "body.items.size() > 0"}]}),
            json!({"other": ["c4n4ry"]}),
            "AssertionFailed",
            "spec.assertions[0]: ",
        ),
        (
            "evaluation",
            json!({"transform": [{"jq": "."}, {"jq": ".items | map(. + \"\")"}]}),
            json!({"items": {"c4n4ry": 1}}),
            "TransformFailed",
            "spec.transform[1].jq: ",
        ),
        (
            "empty",
            json!({"transform": [{"jq": ".items"}]}),
            json!({"items": []}),
            "EmptyContent",
            "hooks and transformation made nothing but [] of the answer",
        ),
    ] {
        let path = format!("/{name}.json");
        origin.on(&path, good.clone());
        sources.apply(name, &with(&origin.url(&path), &more)).await?;
        let ready = sources.wait_ready(name).await?;
        origin.on(&path, Reply::json(&bad));
        sources.request(name, "bad").await?;
        let failed = sources.wait_failed(name, reason).await?;
        ensure!(message(&failed).starts_with(says), "{name}: {}", message(&failed));
        ensure!(!failed["status"]["conditions"].to_string().contains("c4n4ry"), "{failed}");
        ensure!(failed["status"]["artifact"] == ready["status"]["artifact"], "{failed}");
        ensure!(condition(&failed, "Stalled").is_none(), "{failed}");
    }
    Ok(())
}

#[tokio::test]
async fn an_expression_that_no_answer_could_mend_is_stalled_and_named() -> Result<()> {
    let bed = Bed::start("transform-stalled").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/a.json", Reply::json(&json!({"a": 1})));
    for (name, more, says) in [
        ("jq", json!({"transform": [{"jq": "."}, {"jq": ".a |"}]}), "spec.transform[1].jq: "),
        ("cel", json!({"transform": [{"cel": "body."}]}), "spec.transform[0].cel: "),
        ("assertion", json!({"assertions": [{"cel": "true"}, {"cel": "body.a ="}]}), "spec.assertions[1].cel: "),
    ] {
        sources.apply(name, &with(&origin.url("/a.json"), &more)).await?;
        let failed = sources.wait_failed(name, "InvalidSpec").await?;
        ensure!(message(&failed).starts_with(says), "{name}: {}", message(&failed));
        ensure!(condition(&failed, "Stalled").is_some(), "{failed}");
    }
    Ok(())
}

#[tokio::test]
async fn an_expression_that_kills_its_child_is_a_matter_of_its_source_alone() -> Result<()> {
    let bed = Bed::start("transform-hostile").await?;
    let (sources, origin) = (&bed.scene.sources, &bed.scene.origin);
    origin.on("/a.json", Reply::json(&json!({"a": 1})));
    let url = origin.url("/a.json");
    for (name, program) in [
        ("overflow", "def f: 1 + f; f"),
        ("halt", "halt_error"),
        ("memory", "[range(1e9)] | length"),
        ("deep", "reduce range(1000000) as $i (.; [.])"),
    ] {
        sources.apply(name, &with(&url, &json!({"transform": [{"jq": program}]}))).await?;
    }
    sources.apply("good", &with(&url, &json!({"transform": [{"jq": ".a"}]}))).await?;
    sources.wait_ready("good").await?;
    for name in ["overflow", "memory", "deep", "halt"] {
        let failed = sources
            .wait(name, "fail", |source| condition(source, "Ready").is_some_and(|ready| ready["status"] == "False"))
            .await?;
        let reason = &condition(&failed, "Ready").unwrap_or_default()["reason"];
        ensure!(*reason == "TransformFailed" || *reason == "InvalidSpec", "{name}: {failed}");
    }
    ensure!(bed.sidecar.process.exit_status()?.is_none() && bed.scene.controller.process.exit_status()?.is_none());
    Ok(())
}
