//! The examples of docs/transformations.md give what they say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::ExternalSource;
use flux_externalsource::transform::{Assertions, Output, Program, Step, Steps};

use super::transform;
use crate::harness::files;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/transformations")
}

fn assertions(source: &ExternalSource) -> Program {
    let expressions = source.spec.assertions.iter().map(|assertion| assertion.cel.clone()).collect();
    let headers = BTreeMap::from([("content-type".to_owned(), "application/json; charset=utf-8".to_owned())]);
    Program::Assert(Assertions { expressions, status: 200, headers })
}

fn steps(source: &ExternalSource) -> Result<Program> {
    let step = |step: &flux_externalsource::api::external_source::TransformStep| match (&step.jq, &step.cel) {
        (Some(jq), None) => Ok(Step::Jq(jq.clone())),
        (None, Some(cel)) => Ok(Step::Cel(cel.clone())),
        other => anyhow::bail!("{other:?}"),
    };
    let steps = source.spec.transform.iter().map(step).collect::<Result<_>>()?;
    let output = match source.spec.output.as_deref() {
        Some("yaml") => Output::Yaml,
        _ => Output::Json,
    };
    Ok(Program::Transform(Steps { steps, output, files: source.spec.output_files.unwrap_or_default() }))
}

/// Everything below a folder.
fn tree(folder: &Path, below: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() {
            tree(folder, &path, found)?;
        } else {
            let name = path.strip_prefix(folder)?.to_str().context("a name that is no text")?.to_owned();
            found.push((name, fs::read_to_string(&path)?));
        }
    }
    found.sort();
    Ok(())
}

#[tokio::test]
async fn every_example_gives_what_it_says() -> Result<()> {
    let mut count = 0;
    for entry in fs::read_dir(folder())? {
        let folder = entry?.path();
        let source: ExternalSource = serde_saphyr::from_str(&fs::read_to_string(folder.join("source.yaml"))?)?;
        let named = |stem: &str| {
            let mut found = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
            found.find(|path| path.file_stem().is_some_and(|name| name == stem)).context(stem.to_owned())
        };
        let body = fs::read(named("input")?)?;
        transform(&assertions(&source), &body).await?.with_context(|| folder.display().to_string())?;
        let output = transform(&steps(&source)?, &body).await?.with_context(|| folder.display().to_string())?;
        let expected = named("expected")?;
        if expected.is_dir() {
            let mut tree_of = Vec::new();
            tree(&expected, &expected, &mut tree_of)?;
            let mut unpacked = files(&output)?;
            unpacked.sort();
            ensure!(unpacked == tree_of, "{}: {unpacked:?}", folder.display());
        } else {
            let output = String::from_utf8(output)?;
            ensure!(output == fs::read_to_string(expected)?, "{}: {output}", folder.display());
        }
        count += 1;
    }
    ensure!(count >= 3, "{count} examples");
    Ok(())
}
