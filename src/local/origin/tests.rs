//! Validators, archives, and what is not served.

use std::collections::BTreeMap;
use std::io::Read as _;

use axum::body::Body;
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;

fn folder() -> TempDir {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("origin");
    std::fs::create_dir_all(root.join("chart/templates")).unwrap();
    std::fs::write(root.join("a.yaml"), "a: 1\n").unwrap();
    std::fs::write(root.join("chart/Chart.yaml"), "name: chart\n").unwrap();
    std::fs::write(root.join("chart/templates/x.yaml"), "kind: X\n").unwrap();
    std::fs::write(root.join(".hidden"), "secret").unwrap();
    std::fs::write(outer.path().join("outside.yaml"), "secret").unwrap();
    std::os::unix::fs::symlink(outer.path().join("outside.yaml"), root.join("link.yaml")).unwrap();
    outer
}

async fn ask(
    outer: &TempDir,
    method: &str,
    path: &str,
    headers: &[(http::HeaderName, &str)],
) -> (http::response::Parts, Vec<u8>) {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let router = router(&outer.path().join("origin")).unwrap();
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts, body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn files_come_with_type_and_validators() {
    let outer = folder();
    let (parts, body) = ask(&outer, "GET", "/a.yaml", &[]).await;
    assert_eq!((parts.status, body.as_slice()), (StatusCode::OK, b"a: 1\n".as_slice()));
    assert_eq!(parts.headers[CONTENT_TYPE], "application/yaml");
    assert_eq!(parts.headers[ETAG], format!("\"{}\"", Digest::of(b"a: 1\n")));
    let (head, body) = ask(&outer, "HEAD", "/a.yaml", &[]).await;
    assert!(body.is_empty());
    assert_eq!(head.headers[ETAG], parts.headers[ETAG]);
    assert_eq!(head.headers["content-length"], "5");
}

#[tokio::test]
async fn validators_of_the_same_content_give_304() {
    let outer = folder();
    let (first, _) = ask(&outer, "GET", "/a.yaml", &[]).await;
    let etag = first.headers[ETAG].to_str().unwrap();
    let modified = first.headers[LAST_MODIFIED].to_str().unwrap();
    for (headers, status) in [
        (vec![(IF_NONE_MATCH, etag)], StatusCode::NOT_MODIFIED),
        (vec![(IF_NONE_MATCH, "*")], StatusCode::NOT_MODIFIED),
        (vec![(IF_MODIFIED_SINCE, modified)], StatusCode::NOT_MODIFIED),
        (vec![(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, modified)], StatusCode::OK),
        (vec![(IF_MODIFIED_SINCE, "Thu, 01 Jan 1970 00:00:00 GMT")], StatusCode::OK),
    ] {
        let (parts, body) = ask(&outer, "GET", "/a.yaml", &headers).await;
        assert_eq!(parts.status, status, "{headers:?}");
        assert_eq!(body.is_empty(), status == StatusCode::NOT_MODIFIED, "{headers:?}");
    }
    std::fs::write(outer.path().join("origin/a.yaml"), "a: 2\n").unwrap();
    let (parts, _) = ask(&outer, "GET", "/a.yaml", &[(IF_NONE_MATCH, etag)]).await;
    assert_eq!(parts.status, StatusCode::OK);
}

#[tokio::test]
async fn a_folder_is_served_as_an_archive() {
    let outer = folder();
    let (parts, body) = ask(&outer, "GET", "/chart.tar.gz", &[]).await;
    assert_eq!(parts.headers[CONTENT_TYPE], "application/gzip");
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(body.as_slice())).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), text);
    }
    let expected = [("chart/Chart.yaml", "name: chart\n"), ("chart/templates/x.yaml", "kind: X\n")];
    assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
    let (again, second) = ask(&outer, "GET", "/chart.tar.gz", &[]).await;
    assert_eq!((second, &again.headers[ETAG]), (body, &parts.headers[ETAG]));
}

#[tokio::test]
async fn nothing_else_is_served() {
    let outer = folder();
    for path in [
        "/",
        "/chart",
        "/chart/",
        "/none.yaml",
        "/none.tar.gz",
        "/.tar.gz",
        "/../outside.yaml",
        "/chart/../../outside.yaml",
        "/%2e%2e/outside.yaml",
        "/..%2foutside.yaml",
        "//a.yaml",
        "/link.yaml",
        "/.hidden",
        "/a.yaml/",
        "/a.yaml.tar.gz",
    ] {
        assert_eq!(ask(&outer, "GET", path, &[]).await.0.status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(ask(&outer, method, "/a.yaml", &[]).await.0.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}
