//! A small origin to try sources against: the files of a folder with the validators that conditional requests need, and
//! its subfolders as archives. No listings, nothing outside the folder.

mod pack;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::digest::Digest;

/// A file as it is served.
struct Resource {
    content: Vec<u8>,
    content_type: &'static str,
    modified: SystemTime,
}

/// Serves what [`router`] gives until `stop`.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await
}

/// Answers GET and HEAD: `/a/b.yaml` with that file, `/a.tar.gz` with the folder `a` packed when there is no such file.
pub fn router(folder: &Path) -> io::Result<Router> {
    let root: Arc<Path> = folder.canonicalize()?.into();
    if !root.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(Router::new().fallback_service(get(answer).with_state(root)))
}

async fn answer(State(root): State<Arc<Path>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let found = tokio::task::spawn_blocking(move || find(&root, &path)).await;
    match found {
        Ok(Ok(resource)) => respond(resource, request.headers()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// RFC 9110, sections 8.8 and 13: `If-None-Match` goes over `If-Modified-Since`.
fn respond(resource: Resource, request: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", Digest::of(&resource.content));
    let modified = httpdate::fmt_http_date(resource.modified);
    let header = |name| request.get(name).and_then(|value| value.to_str().ok());
    let unchanged = match header(IF_NONE_MATCH) {
        Some(tags) => tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag),
        None => header(IF_MODIFIED_SINCE)
            .and_then(|since| httpdate::parse_http_date(since).ok())
            .zip(httpdate::parse_http_date(&modified).ok())
            .is_some_and(|(since, modified)| modified <= since),
    };
    let headers = [(ETAG, etag), (LAST_MODIFIED, modified)];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, resource.content_type)], resource.content).into_response()
}

fn find(root: &Path, path: &str) -> io::Result<Resource> {
    let path = inside(root, path)?;
    match load(root, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let packed = path.to_str().and_then(|path| path.strip_suffix(".tar.gz")).map(Path::new);
            let folder = within(root, packed.ok_or(error)?)?;
            let (content, modified) = pack::pack(&folder)?;
            Ok(Resource { content, content_type: "application/gzip", modified })
        }
        found => found,
    }
}

fn load(root: &Path, path: &Path) -> io::Result<Resource> {
    let path = within(root, path)?;
    let metadata = std::fs::metadata(&path)?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Resource { content: std::fs::read(&path)?, content_type: content_type(&path), modified: metadata.modified()? })
}

/// The path below `root` that a URL's path names. Percent-encoding is not decoded: names that need it are not served.
fn inside(root: &Path, path: &str) -> io::Result<PathBuf> {
    let plain =
        |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['%', '\\', '\0']);
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    if segments.clone().all(plain) {
        Ok(segments.by_ref().fold(root.to_owned(), |path, segment| path.join(segment)))
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Where the path leads, when links on it do not lead out of `root`.
fn within(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let real = path.canonicalize()?;
    if real.starts_with(root) { Ok(real) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => "application/yaml",
        Some("json") => "application/json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("gz" | "tgz") => "application/gzip",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
