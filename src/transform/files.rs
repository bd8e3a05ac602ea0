//! The result as a tree of files: an object of contents by path, as a tar.gz with nothing in it that differs from run to
//! run.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use super::program::{Output, Problem};
use super::value::write::{Style, json};
use super::value::{Object, Val, yaml};
use crate::api::path;

/// Writes the archive; `output` is for contents that are no texts, where the path's ending does not say it.
pub(super) fn archive(out: impl Write, files: &Object, output: Output) -> Result<(), Problem> {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_unstable_by_key(|(path, _)| *path);
    for (path, content) in &sorted {
        // The path comes from the document, so it is not shown.
        let place = place(files, path);
        path::check(path).map_err(|problem| Problem::evaluation(format!("the path of {place} {problem}")))?;
        if let Val::Null = content {
            return Err(Problem::evaluation(format!("the content of {place} is null")));
        }
    }
    // Not compressed: it goes to the controller, which compresses what it stores, and is wary of what unpacks to much.
    let encoder = GzBuilder::new().mtime(0).write(out, Compression::none());
    let mut archive = tar::Builder::new(encoder);
    for (path, content) in sorted {
        let bytes = content_bytes(path, content, output).map_err(|error| unwritten(&error))?;
        append(&mut archive, path, &bytes).map_err(|error| unwritten(&error))?;
    }
    let finish = archive.into_inner().and_then(flate2::write::GzEncoder::finish).and_then(|mut out| out.flush());
    finish.map_err(|error| unwritten(&error))
}

fn place(files: &Object, path: &str) -> String {
    format!("file {} of {}", files.position(path).map_or(0, |index| index + 1), files.len())
}

fn append(archive: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, path, bytes)
}

fn content_bytes(path: &str, content: &Val, output: Output) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Val::Str(text) = content {
        bytes.extend_from_slice(text.as_bytes());
        return Ok(bytes);
    }
    let has_ending = |ending: &str| path.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(ending));
    let output = match output {
        _ if has_ending("json") => Output::Json,
        _ if has_ending("yaml") || has_ending("yml") => Output::Yaml,
        other => other,
    };
    match output {
        Output::Json => {
            json(&mut bytes, content, &Style::PRETTY)?;
            bytes.push(b'\n');
        }
        Output::Yaml => yaml::yaml(&mut bytes, content)?,
    }
    Ok(bytes)
}

/// What to say when a result could not be written: it is too deep, or nobody reads it any more.
pub(super) fn unwritten(error: &io::Error) -> Problem {
    match error.get_ref() {
        Some(inner) if inner.is::<super::value::write::Unwritable>() => Problem::evaluation(inner.to_string()),
        _ => Problem::evaluation(format!("the result cannot be written: {}", error.kind())),
    }
}
