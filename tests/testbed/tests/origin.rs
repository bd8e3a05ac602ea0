//! What a client sees of an origin's replies.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use reqwest::{Certificate, Client, Response, redirect};
use testbed::origin::Certificate as Serving;
use testbed::{Origin, Reply};

const SHORT: Duration = Duration::from_millis(300);

fn client() -> Result<Client> {
    Ok(Client::builder().redirect(redirect::Policy::none()).no_proxy().build()?)
}

async fn get(origin: &Origin, path: &str) -> Result<Response> {
    Ok(client()?.get(origin.url(path)).send().await?)
}

async fn get_with(origin: &Origin, path: &str, header: &str, value: &str) -> Result<u16> {
    Ok(client()?.get(origin.url(path)).header(header, value).send().await?.status().as_u16())
}

#[tokio::test]
async fn a_matching_validator_gives_304() -> Result<()> {
    let origin = Origin::start().await?;
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    origin.on("/data", Reply::ok("{}").etag("\"v1\"").last_modified(modified));
    let first = get(&origin, "/data").await?;
    ensure!(first.status() == 200 && first.headers()["etag"] == "\"v1\"", "{first:?}");
    let date = first.headers()["last-modified"].to_str()?.to_owned();
    ensure!(get_with(&origin, "/data", "if-none-match", "\"v1\"").await? == 304, "the same ETag");
    ensure!(get_with(&origin, "/data", "if-none-match", "\"v0\", W/\"v1\"").await? == 304, "one of several ETags");
    ensure!(get_with(&origin, "/data", "if-none-match", "\"v2\"").await? == 200, "another ETag");
    ensure!(get_with(&origin, "/data", "if-modified-since", &date).await? == 304, "the same date");
    let older = "Tue, 14 Nov 2000 22:13:20 GMT";
    ensure!(get_with(&origin, "/data", "if-modified-since", older).await? == 200, "an older date");
    let requests = origin.requests_for("/data");
    ensure!(requests.len() == 6 && requests[1].header("if-none-match") == Some("\"v1\""), "{requests:#?}");
    Ok(())
}

#[tokio::test]
async fn a_cut_body_is_seen_as_cut() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/length", Reply::ok("0123456789").cut_after(4));
    origin.on("/chunked", Reply::ok("0123456789").chunked().cut_after(4));
    origin.on("/lie", Reply::ok("0123").header("content-length", "10"));
    ensure!(get(&origin, "/lie").await?.bytes().await.is_err(), "a length that lies must be an error");
    for (path, length) in [("/length", Some(10)), ("/chunked", None)] {
        let mut answer = get(&origin, path).await?;
        ensure!(answer.content_length() == length, "{path}: {:?}", answer.content_length());
        ensure!(answer.chunk().await?.context("a first piece")? == "0123", "{path}: what was sent arrives");
        ensure!(answer.chunk().await.is_err(), "{path}: the end must be an error");
    }
    Ok(())
}

#[tokio::test]
async fn whole_bodies_arrive_in_every_form() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/plain", Reply::ok("0123456789"));
    origin.on("/chunked", Reply::ok("0123456789").chunked());
    origin.on("/drip", Reply::ok("0123456789").drip(3, Duration::from_millis(5)));
    for (path, length) in [("/plain", Some(10)), ("/chunked", None), ("/drip", Some(10))] {
        let answer = get(&origin, path).await?;
        ensure!(answer.content_length() == length, "{path}: {:?}", answer.content_length());
        ensure!(answer.text().await? == "0123456789", "{path}");
    }
    origin.on("/gzip", Reply::ok("0123456789").gzip());
    let answer = get(&origin, "/gzip").await?;
    ensure!(answer.headers()["content-encoding"] == "gzip" && answer.bytes().await?[..2] == [0x1f, 0x8b], "gzip");
    Ok(())
}

#[tokio::test]
async fn faults_before_and_after_the_headers() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/close", Reply::close());
    origin.on("/hang", Reply::hang());
    origin.on("/hang-later", Reply::ok("0123456789").hang_after(4));
    origin.on("/slow", Reply::ok("late").delay(SHORT));
    ensure!(get(&origin, "/close").await.is_err(), "a connection that is closed gives an error");
    ensure!(tokio::time::timeout(SHORT, get(&origin, "/hang")).await.is_err(), "nothing must come");
    let mut answer = get(&origin, "/hang-later").await?;
    ensure!(answer.chunk().await?.context("a first piece")? == "0123", "the beginning comes");
    ensure!(tokio::time::timeout(SHORT, answer.chunk()).await.is_err(), "the rest must not");
    ensure!(tokio::time::timeout(SHORT / 2, get(&origin, "/slow")).await.is_err(), "it is late");
    ensure!(get(&origin, "/slow").await?.text().await? == "late", "but it comes");
    Ok(())
}

#[tokio::test]
async fn routes_follow_the_script() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on_each("/flaky", [Reply::status(503).header("retry-after", "1"), Reply::ok("fine")]);
    let statuses = [get(&origin, "/flaky").await?, get(&origin, "/flaky").await?, get(&origin, "/flaky").await?];
    ensure!(statuses.map(|answer| answer.status().as_u16()) == [503, 200, 200], "the last reply is repeated");
    origin.on_request("/echo", |request| Reply::ok(format!("{} {}", request.method, request.query)));
    ensure!(get(&origin, "/echo?a=1").await?.text().await? == "GET a=1", "made of the request");
    origin.on("/moved", Reply::redirect(302, "/echo"));
    ensure!(get(&origin, "/moved").await?.headers()["location"] == "/echo", "a redirect");
    ensure!(get(&origin, "/unknown").await?.status() == 404, "a path without a reply");
    ensure!(origin.wait_for_requests("/flaky", 3, SHORT).await?.len() == 3, "three requests");
    origin.forget();
    ensure!(origin.requests().is_empty() && origin.connections() == 0, "forgotten");
    Ok(())
}

#[tokio::test]
async fn a_stopped_origin_refuses_connections() -> Result<()> {
    let origin = Origin::start().await?;
    origin.on("/", Reply::ok("first"));
    let url = origin.url("/");
    let kept = client()?;
    ensure!(kept.get(&url).send().await?.text().await? == "first", "it answers");
    let address = origin.stop().await;
    ensure!(kept.get(&url).send().await.is_err(), "an open connection must be closed");
    let error = client()?.get(&url).send().await.err().context("it must not answer")?;
    ensure!(error.is_connect(), "{error:?}");
    let origin = Origin::start_at(address).await?;
    origin.on("/", Reply::ok("second"));
    ensure!(client()?.get(&url).send().await?.text().await? == "second", "it is back");
    Ok(())
}

#[tokio::test]
async fn tls_needs_the_ca_and_a_valid_certificate() -> Result<()> {
    let good = Origin::start_tls(Serving::default()).await?;
    let expired = Origin::start_tls(Serving { expired: true, ..Serving::default() }).await?;
    let other = Origin::start_tls(Serving { names: &["elsewhere.example"], ..Serving::default() }).await?;
    for (origin, trusted, works) in
        [(&good, true, true), (&good, false, false), (&expired, true, false), (&other, true, false)]
    {
        origin.on("/", Reply::ok("secret"));
        let mut client = Client::builder().no_proxy();
        if trusted {
            let ca = origin.ca_pem().context("a TLS origin has a CA")?;
            client = client.tls_certs_only([Certificate::from_pem(ca.as_bytes())?]);
        }
        let answer = client.build()?.get(origin.url("/")).send().await;
        ensure!(answer.is_ok() == works, "{answer:?}");
    }
    Ok(())
}
