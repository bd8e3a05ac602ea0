//! The examples of the repository are what they say they are.

use std::path::Path;

use axum::body::Body;
use futures::future::ready;
use http::StatusCode;
use tower::ServiceExt as _;

use super::*;
use crate::local::origin;

#[tokio::test]
async fn the_quick_start_has_sound_manifests_for_what_its_origin_serves() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let catalog = LocalCatalog::read(&example.join("manifests")).unwrap();
    assert_eq!(**catalog.problems().borrow(), []);
    let sources = catalog.watch().map(Result::unwrap).take_while(|change| ready(!matches!(change, Change::Synced)));
    let told: Vec<_> = sources.collect().await;
    let router = origin::router(&example.join("origin")).unwrap();
    let mut count = 0;
    for change in told {
        let Change::Source(source) = change else { panic!("{change:?}") };
        let spec = source.object.spec.generator.http.clone().unwrap();
        let path = spec.url.strip_prefix("http://127.0.0.1:8089").unwrap();
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        if let Some(reference) = spec.headers_secret_ref {
            assert!(catalog.secret("default", &reference.name).await.unwrap().is_some(), "{path}");
        }
        count += 1;
    }
    assert_eq!(count, 4);
}
