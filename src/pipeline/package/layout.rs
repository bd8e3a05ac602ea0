//! Which files an answer becomes, and what it is held to before it does.

use tokio_util::sync::CancellationToken;

use super::{Form, PackageError, Packaging};
use crate::api::ExternalSourceSpec;
use crate::api::external_source::Unpack;
use crate::generators::Content;
use crate::pipeline::guards::{self, Expected};
use crate::pipeline::process;
use crate::pipeline::unpack::{self, Settings, SpecError, Tree, UnpackLimits, path};
use crate::spool::Spools;

/// Extensions of files of data, which a YAML file takes off a name; anything else behind a dot is part of the name.
const DATA: [&str; 7] = ["csv", "json", "jsonl", "ndjson", "toml", "txt", "xml"];

/// Checks `spec.destinationPath` and `spec.generator.http.unpack`, without an answer at hand. The errors are
/// [configuration](crate::failure::Class::Configuration) and name the field.
///
/// The destination is the file's path, or the folder of a tree; a slash at its end changes nothing.
pub fn validate(destination: Option<&str>, unpack: Option<&Unpack>) -> Result<(), PackageError> {
    written_destination(destination)?;
    unpack.map(Settings::parse).transpose()?;
    Ok(())
}

/// Judges what the origin sent; `file_name` is the name of the file when the user names none.
pub fn judge(spec: &ExternalSourceSpec, content: &Content, file_name: &str) -> Result<(), PackageError> {
    let empty = spec.allow_empty == Some(true);
    let archive = spec.generator.http.as_ref().is_some_and(|http| http.unpack.is_some());
    let html = !archive && names_page(written_destination(spec.destination_path.as_deref())?.unwrap_or(file_name));
    Ok(guards::answer(content, Expected { archive, html, empty })?)
}

/// Name of the file when the user names none: as the URL has it, but Flux has to find what is written as YAML.
pub(super) fn file_name(spec: &ExternalSourceSpec, named: String) -> String {
    if !process::writes_yaml(spec) {
        return named;
    }
    let is_one_of =
        |extensions: &[&str], extension: &str| extensions.iter().any(|it| extension.eq_ignore_ascii_case(it));
    match named.rsplit_once('.') {
        // Flux compares with case.
        Some((_, "yaml" | "yml")) => named,
        Some((stem, extension)) if is_one_of(&DATA, extension) || is_one_of(&["yaml", "yml"], extension) => {
            format!("{stem}.yaml")
        }
        _ => format!("{named}.yaml"),
    }
}

/// Guards the content and says which files it is.
pub(super) fn lay_out(
    job: &Packaging,
    spools: &Spools,
    limits: &UnpackLimits,
    cancelled: &CancellationToken,
) -> Result<Tree, PackageError> {
    let destination = written_destination(job.destination.as_deref())?;
    let body = &job.content.body;
    if job.form == Form::Files {
        // Files that are much alike shrink more than any archive of an origin may.
        let limits = UnpackLimits { ratio: u64::MAX, ..*limits };
        return Ok(unpack::unpack(body, &Settings::TREE, destination, spools, &limits, cancelled)?);
    }
    let settings = job.unpack.as_ref().map(Settings::parse).transpose()?;
    let file = match (settings, destination) {
        (Some(_), _) => None,
        (None, Some(path)) => Some(path),
        (None, None) => {
            Some(path::check(&job.file_name).map(|()| job.file_name.as_str()).map_err(SpecError::FileName)?)
        }
    };
    match job.form {
        // No bytes are no archive, whatever the spec allows to be empty.
        Form::Answer => {
            let html = file.is_some_and(names_page);
            guards::answer(&job.content, Expected { archive: file.is_none(), html, empty: job.allow_empty })?;
        }
        Form::Result if !job.allow_empty => guards::result(body)?,
        Form::Result | Form::Files => {}
    }
    match (settings, file) {
        (Some(settings), _) => Ok(unpack::unpack(body, &settings, destination, spools, limits, cancelled)?),
        (None, path) => Ok(Tree::single(path.unwrap_or_default().to_owned(), body.clone())),
    }
}

fn written_destination(destination: Option<&str>) -> Result<Option<&str>, SpecError> {
    path::written(destination.unwrap_or_default())
        .map_err(|problem| SpecError::Path { field: "spec.destinationPath", problem })
}

fn names_page(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["html", "htm", "xhtml"].iter().any(|page| extension.eq_ignore_ascii_case(page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::external_source::TransformStep;

    #[test]
    fn what_is_written_as_yaml_gets_a_name_that_flux_reads() {
        let step = TransformStep { jq: Some(".".to_owned()), cel: None };
        let spec = |output: Option<&str>, files| ExternalSourceSpec {
            transform: vec![step.clone()],
            output: output.map(str::to_owned),
            output_files: Some(files),
            ..ExternalSourceSpec::default()
        };
        for (named, expected) in [
            ("data", "data.yaml"),
            ("config.json", "config.yaml"),
            ("config.JSON", "config.yaml"),
            ("config.yaml", "config.yaml"),
            ("config.yml", "config.yml"),
            ("config.YAML", "config.yaml"),
            ("config.prod.json", "config.prod.yaml"),
            ("v1.2", "v1.2.yaml"),
            ("export.php", "export.php.yaml"),
        ] {
            assert_eq!(file_name(&spec(Some("yaml"), false), named.to_owned()), expected);
            for other in [spec(None, false), spec(Some("json"), false), spec(Some("yaml"), true)] {
                assert_eq!(file_name(&other, named.to_owned()), named);
            }
        }
    }
}
