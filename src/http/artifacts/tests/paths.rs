//! Which paths stand for something: stored archives, and the latest of each source where that is allowed.

use axum::http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

use super::*;

#[tokio::test]
async fn nothing_but_stored_archives_is_found_however_it_is_written() {
    let mut fixture = Fixture::new().await;
    let hex = fixture.key.digest().to_string();
    let file = format!("{hex}.tar.gz");
    let upper = hex.to_uppercase();
    let paths = [
        "/".to_owned(),
        "//".to_owned(),
        "/artifacts".to_owned(),
        "/artifacts/".to_owned(),
        "/artifacts/team-a".to_owned(),
        "/artifacts/team-a/".to_owned(),
        "/artifacts/team-a/config.v1".to_owned(),
        "/artifacts/team-a/config.v1/".to_owned(),
        format!("/artifacts/team-a/config.v1/{hex}"),
        format!("/artifacts/team-a/config.v1/{file}/"),
        format!("/artifacts/team-a/config.v1/{file}/x"),
        format!("/artifacts/team-a/config.v1/{upper}.tar.gz"),
        format!("/artifacts/team-a/config.v1/sha256:{file}"),
        format!("/artifacts/team-a/config.v1/{hex}.TAR.GZ"),
        format!("/artifacts/team-a/config.v1/{file}%00"),
        format!("/artifacts/team-a/config.v1/{file}%20"),
        format!("/artifacts/team-a/config.v1/{file}%0a"),
        format!("/artifacts/team-a/config.v1/{file}%"),
        format!("/artifacts/team-a/config.v1/{file}%zz"),
        format!("/artifacts/team-a/config.v1/%ff%fe{file}"),
        format!("/artifacts/team-a/CONFIG.V1/{file}"),
        format!("/artifacts/team-a//{file}"),
        format!("/artifacts//config.v1/{file}"),
        format!("//artifacts/team-a/config.v1/{file}"),
        format!("/artifacts/./team-a/config.v1/{file}"),
        format!("/artifacts/../artifacts/team-a/config.v1/{file}"),
        format!("/artifacts/team-a/../team-a/config.v1/{file}"),
        format!("/artifacts/team-a/%2e%2e/{file}"),
        format!("/artifacts/%2e%2e/config.v1/{file}"),
        format!("/artifacts/team-a/..%2fteam-a%2fconfig.v1/{file}"),
        format!("/artifacts/team-a%2fconfig.v1/{file}"),
        format!("/artifacts%2fteam-a%2fconfig.v1%2f{file}"),
        format!("/artifacts/team-a/config.v1%2f{file}"),
        format!("/team-a%2f..%2fteam-a/config.v1/{file}"),
        "/artifacts/team-a/config.v1/..%2f..%2f..%2fetc%2fpasswd".to_owned(),
        "/../../../../etc/passwd".to_owned(),
        "/..%2f..%2f..%2fetc/passwd/x".to_owned(),
        "/%2e%2e/%2e%2e/etc%2fpasswd".to_owned(),
        "/..%5c..%5cwindows/system32/x".to_owned(),
        format!("/artifacts/team-a\\config.v1/x/{file}"),
        format!("/artifacts/team-a/config%252ev1/{file}"),
        format!("/artifacts/team-a/config.v1%c0%af/{file}"),
        format!("/artifacts/team-a/config.v1;x/{file}"),
        format!("/artifacts/team-%C3%A4/config.v1/{file}"),
        format!("/artifacts/artifacts/team-a/config.v1/{file}"),
        "/artifacts/team-a/config.v1/latest".to_owned(),
        "/artifacts/team-a/config.v1/latest.tar.gz%00".to_owned(),
        "/artifacts/team-a/config.v1/..%2fconfig.v1%2flatest.tar.gz".to_owned(),
        "/artifacts/../config.v1/latest.tar.gz".to_owned(),
        "/artifacts/TEAM-A/config.v1/latest.tar.gz".to_owned(),
        format!("/{}/{}/{}", "x".repeat(2000), "y".repeat(2000), "z".repeat(2000)),
    ];
    for latest in [false, true] {
        // Neither is it ever said to be on its way.
        for complete in [true, false] {
            fixture.latest = latest;
            fixture.presence.set_complete(complete);
            for path in &paths {
                for method in ["GET", "HEAD"] {
                    let answer = fixture.ask(method, path, &[]).await;
                    assert_eq!(answer.status, 404, "{method} {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_encodes_too_much_is_still_found() {
    let fixture = Fixture::new().await;
    let path = fixture.path().replace("team-a", "%74eam%2Da").replace(".tar", "%2Etar");
    assert_eq!(fixture.ask("GET", &path, &[]).await.status, 200);
}

#[tokio::test]
async fn latest_is_served_only_where_that_is_allowed() {
    let mut fixture = Fixture::new().await;
    let path = "/artifacts/team-a/config.v1/latest.tar.gz";
    assert_eq!(fixture.ask("GET", path, &[]).await.status, 404);
    fixture.latest = true;
    for path in [path, "/team-a/config.v1/latest.tar.gz"] {
        let answer = fixture.ask("GET", path, &[]).await;
        assert_eq!((answer.status, answer.body()), (200, CONTENT));
        assert_eq!(answer.header(ETAG), Some(fixture.etag().as_str()));
        assert_eq!(answer.header(CACHE_CONTROL), Some("private, no-cache"));
        assert_eq!(answer.header(LAST_MODIFIED), None);
    }
    assert_eq!(fixture.ask("GET", path, &[(IF_NONE_MATCH, &fixture.etag())]).await.status, 304);
    assert_eq!(fixture.ask("GET", path, &[(RANGE, "bytes=0-1")]).await.body(), b"01");
}

#[tokio::test]
async fn no_date_tells_one_latest_from_another() {
    let mut fixture = Fixture::new().await;
    fixture.latest = true;
    let path = "/artifacts/team-a/config.v1/latest.tar.gz";
    let stored = fixture.storage.stat(&fixture.key).await.unwrap().unwrap();
    let date = httpdate::fmt_http_date(stored.stored_at);
    assert_eq!(fixture.ask("GET", path, &[(IF_MODIFIED_SINCE, &date)]).await.status, 200);
    assert_eq!(fixture.ask("GET", path, &[(RANGE, "bytes=0-1"), (IF_RANGE, &date)]).await.status, 200);
}

#[tokio::test]
async fn latest_follows_the_advertisement() {
    let mut fixture = Fixture::new().await;
    fixture.latest = true;
    let path = "/artifacts/team-a/config.v1/latest.tar.gz";
    let source = ObjectName::new("team-a", "config.v1");
    let spool = Spools::from_bytes("newer");
    let newer = ArtifactKey::new(ObjectName::new("team-a", "config.v1"), spool.digest());
    fixture.storage.store(&newer, &spool).await.unwrap();
    assert_eq!(fixture.ask("GET", path, &[]).await.body(), CONTENT);
    fixture.presence.advertise(&source, Some(newer.clone()));
    assert_eq!(fixture.ask("GET", path, &[]).await.body(), b"newer");
    fixture.storage.delete(&newer).await.unwrap();
    assert_eq!(fixture.ask("GET", path, &[]).await.status, 503, "it is being rebuilt");
    fixture.presence.advertise(&source, None);
    assert_eq!(fixture.ask("GET", path, &[]).await.status, 404, "nothing is advertised");
    fixture.presence.set_complete(false);
    assert_eq!(fixture.ask("GET", path, &[]).await.status, 503, "nobody knows yet");
}
