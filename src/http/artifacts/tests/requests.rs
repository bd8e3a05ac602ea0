//! GET and HEAD with everything that RFC 9110 lets them carry.

use axum::http::header::{
    ALLOW, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE, VARY,
};

use super::*;

/// Request headers, status, content.
type Case<'a> = (&'a [(HeaderName, &'a str)], u16, &'a [u8]);

#[tokio::test]
async fn a_get_says_all_there_is_to_say() {
    let fixture = Fixture::new().await;
    let stored = fixture.storage.stat(&fixture.key).await.unwrap().unwrap();
    for path in [fixture.path(), fixture.path().replace("/artifacts/", "/"), fixture.path() + "?v=1"] {
        let answer = fixture.ask("GET", &path, &[]).await;
        assert_eq!((answer.status, answer.body()), (200, CONTENT), "{path}");
        assert_eq!(answer.header(CONTENT_TYPE), Some("application/gzip"));
        assert_eq!(answer.header(CONTENT_LENGTH), Some("10"));
        assert_eq!(answer.header(ETAG), Some(fixture.etag().as_str()));
        assert_eq!(answer.header(LAST_MODIFIED), Some(httpdate::fmt_http_date(stored.stored_at).as_str()));
        assert_eq!(answer.header(CACHE_CONTROL), Some("private, max-age=31536000, immutable"));
        assert_eq!(answer.header(ACCEPT_RANGES), Some("bytes"));
        let disposition =
            format!("attachment; filename=\"config.v1-{}.tar.gz\"", &fixture.key.digest().to_string()[..12]);
        assert_eq!(answer.header(CONTENT_DISPOSITION), Some(disposition.as_str()));
        assert_eq!((answer.header(CONTENT_RANGE), answer.header(VARY)), (None, None));
    }
}

#[tokio::test]
async fn a_head_says_the_same_without_the_content() {
    let fixture = Fixture::new().await;
    let get = fixture.get(&[]).await;
    // A range means nothing to a HEAD.
    for headers in [&[][..], &[(RANGE, "bytes=0-1")], &[(RANGE, "bytes=100-")]] {
        let head = fixture.ask("HEAD", &fixture.path(), headers).await;
        assert_eq!((head.status, head.body()), (200, &b""[..]));
        assert_eq!(head.headers, get.headers);
    }
    let head = fixture.ask("HEAD", &fixture.path(), &[(IF_NONE_MATCH, "*")]).await;
    assert_eq!(head.status, 304);
}

#[tokio::test]
async fn ranges_conditions_and_their_combinations() {
    let fixture = Fixture::new().await;
    let etag = fixture.etag();
    let (etag, weak) = (etag.as_str(), format!("W/{etag}"));
    let date = fixture.get(&[]).await.header(LAST_MODIFIED).unwrap().to_owned();
    let (date, old) = (date.as_str(), "Sun, 06 Nov 1994 08:49:37 GMT");
    let cases: &[Case] = &[
        (&[(RANGE, "bytes=0-0")], 206, b"0"),
        (&[(RANGE, "bytes=2-5")], 206, b"2345"),
        (&[(RANGE, "bytes=7-")], 206, b"789"),
        (&[(RANGE, "bytes=-3")], 206, b"789"),
        (&[(RANGE, "bytes=0-")], 206, CONTENT),
        (&[(RANGE, "bytes=-11")], 206, CONTENT),
        (&[(RANGE, "bytes=9-100")], 206, b"9"),
        (&[(RANGE, "bytes=10-")], 416, b""),
        (&[(RANGE, "bytes=-0")], 416, b""),
        (&[(RANGE, "bytes=0-1,3-4")], 200, CONTENT),
        (&[(RANGE, "bytes=5-2")], 200, CONTENT),
        (&[(RANGE, "lines=1-2")], 200, CONTENT),
        (&[(RANGE, "bytes=1-2"), (IF_RANGE, etag)], 206, b"12"),
        (&[(RANGE, "bytes=1-2"), (IF_RANGE, &weak)], 200, CONTENT),
        (&[(RANGE, "bytes=1-2"), (IF_RANGE, "\"x\"")], 200, CONTENT),
        (&[(RANGE, "bytes=1-2"), (IF_RANGE, date)], 206, b"12"),
        (&[(RANGE, "bytes=1-2"), (IF_RANGE, old)], 200, CONTENT),
        (&[(RANGE, "bytes=10-"), (IF_RANGE, "\"x\"")], 200, CONTENT),
        (&[(IF_RANGE, "\"x\"")], 200, CONTENT),
        (&[(IF_NONE_MATCH, etag)], 304, b""),
        (&[(IF_NONE_MATCH, &weak)], 304, b""),
        (&[(IF_NONE_MATCH, "\"x\"")], 200, CONTENT),
        (&[(IF_NONE_MATCH, etag), (RANGE, "bytes=1-2")], 304, b""),
        (&[(IF_NONE_MATCH, "\"x\""), (RANGE, "bytes=1-2")], 206, b"12"),
        (&[(IF_MODIFIED_SINCE, date)], 304, b""),
        (&[(IF_MODIFIED_SINCE, old)], 200, CONTENT),
        (&[(IF_MATCH, etag), (RANGE, "bytes=1-2")], 206, b"12"),
        (&[(IF_MATCH, &weak)], 412, b""),
        (&[(IF_MATCH, "\"x\""), (RANGE, "bytes=10-")], 412, b""),
        (&[(IF_UNMODIFIED_SINCE, old)], 412, b""),
        (&[(IF_UNMODIFIED_SINCE, date)], 200, CONTENT),
    ];
    for (headers, status, body) in cases {
        let answer = fixture.get(headers).await;
        assert_eq!((answer.status, answer.body()), (*status, *body), "{headers:?}");
        assert_eq!(answer.header(ETAG), Some(etag), "{headers:?}");
        let length = if *status == 304 { "10".to_owned() } else { body.len().to_string() };
        assert_eq!(answer.header(CONTENT_LENGTH), Some(length.as_str()), "{headers:?}");
        let content_type = body.first().map(|_| "application/gzip");
        assert_eq!(answer.header(CONTENT_TYPE), content_type, "{headers:?}");
    }
}

#[tokio::test]
async fn parts_say_where_they_belong() {
    let fixture = Fixture::new().await;
    for (range, content_range) in [
        ("bytes=2-5", "bytes 2-5/10"),
        ("bytes=-1", "bytes 9-9/10"),
        ("bytes=0-", "bytes 0-9/10"),
        ("bytes=10-", "bytes */10"),
    ] {
        let answer = fixture.get(&[(RANGE, range)]).await;
        assert_eq!(answer.header(CONTENT_RANGE), Some(content_range), "{range}");
    }
}

#[tokio::test]
async fn an_empty_archive_can_be_fetched() {
    let fixture = Fixture::new().await;
    let spool = Spools::from_bytes("");
    let key = ArtifactKey::new(ObjectName::new("team-a", "empty"), spool.digest());
    fixture.storage.store(&key, &spool).await.unwrap();
    for (range, status) in [("", 200), ("bytes=-1", 200), ("bytes=0-", 416)] {
        let answer = fixture.ask("GET", &format!("/{key}"), &[(RANGE, range)]).await;
        assert_eq!((answer.status, answer.body()), (status, &b""[..]), "{range}");
        assert_eq!(answer.header(CONTENT_LENGTH), Some("0"));
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let fixture = Fixture::new().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        for path in [fixture.path(), fixture.path().replace("/artifacts/", "/")] {
            let answer = fixture.ask(method, &path, &[]).await;
            assert_eq!((answer.status, answer.header(ALLOW)), (405, Some("GET,HEAD")), "{method}");
        }
    }
    assert_eq!(fixture.get(&[]).await.status, 200);
}
