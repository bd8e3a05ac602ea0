//! A scripted origin on 127.0.0.1, with or without TLS, and shortcuts to ask it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::address::AddressSettings;
use crate::api::external_source::{GeneratorSpec, HttpGeneratorSpec};
use crate::failure::Failure;
use crate::generators::http::{HttpGenerator, HttpSettings, ProxySettings};
use crate::generators::{Answer, Content, Generator as _, Progress, Request, Secret, Secrets, Validators};
use crate::spool::{Spool, Spools};

/// Settings that let requests go to 127.0.0.1 and give up soon.
pub(in super::super) fn settings() -> HttpSettings {
    HttpSettings {
        timeout: Duration::from_secs(5),
        max_idle_connections: 10,
        max_idle_connections_per_host: 2,
        max_connections_per_host: 4,
        idle_timeout: Duration::from_secs(30),
        user_agent: "agent/1".to_owned(),
        max_body: 1 << 20,
        max_redirects: 3,
        addresses: AddressSettings { allow: vec!["127.0.0.0/8".parse().unwrap()], ..AddressSettings::default() },
        forbid_plain_http: false,
        forbid_insecure_skip_verify: false,
    }
}

/// A self-signed certificate for 127.0.0.1 and localhost.
pub(in super::super) fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap()
}

/// What an origin does with one request.
pub(super) enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes and then neither sends nor closes.
    Stall(Vec<u8>),
}

impl Reply {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Bytes(text.into().into_bytes())
    }

    /// An answer with these header lines and a `Content-Length`.
    pub(super) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Self {
        let headers: String = headers.iter().flat_map(|line| [*line, "\r\n"]).collect();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        Self::Bytes([head.as_bytes(), body].concat())
    }
}

/// An origin; it ends with the test's runtime.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    log: Arc<Mutex<Log>>,
}

/// What came so far.
#[derive(Default)]
struct Log {
    heads: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

impl Origin {
    /// Answers every request with what `reply` makes of its head.
    pub(super) async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, reply).await
    }

    /// The same over TLS.
    pub(super) async fn start_tls(
        certificate: &CertifiedKey<KeyPair>,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.cert.der().clone()], key).unwrap();
        Self::listen(Some(Arc::new(config).into()), reply).await
    }

    async fn listen(tls: Option<TlsAcceptor>, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::<Mutex<Log>>::default();
        let (shared, reply) = (Arc::clone(&log), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, log, reply) = (tls.clone(), Arc::clone(&shared), Arc::clone(&reply));
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, &log, reply.as_ref()).await,
                        Some(tls) => match tls.accept(socket).await {
                            Ok(socket) => serve(socket, &log, reply.as_ref()).await,
                            Err(_) => log.lock().unwrap().heads.push("TLS handshake failed".to_owned()),
                        },
                    }
                });
            }
        });
        Self { address, log }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far, in lower case.
    pub(super) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().heads.clone()
    }

    /// The contents of the requests so far.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        self.log.lock().unwrap().bodies.clone()
    }

    /// Whether the last request had this header line.
    pub(super) fn saw(&self, line: &str) -> bool {
        self.requests().last().is_some_and(|head| head.lines().any(|seen| seen == line))
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    log: &Mutex<Log>,
    reply: &(impl Fn(&str) -> Reply + Sync),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if socket.read_exact(&mut body).await.is_err() {
        return;
    }
    {
        let mut log = log.lock().unwrap();
        log.heads.push(head.to_lowercase());
        log.bodies.push(body);
    }
    match reply(&head) {
        Reply::Bytes(bytes) => {
            // The client may have hung up already, on purpose.
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Reply::Stall(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.flush().await;
            // Ends when the client hangs up.
            let _ = socket.read_u8().await;
        }
    }
}

/// One question, put together step by step.
pub(super) struct Ask {
    pub(super) settings: HttpSettings,
    pub(super) proxies: ProxySettings,
    pub(super) spec: HttpGeneratorSpec,
    pub(super) secrets: Secrets,
    pub(super) validators: Option<Validators>,
    pub(super) pre_request: Option<Spool>,
    pub(super) keep_head: bool,
    pub(super) progress: Progress,
}

impl Ask {
    pub(super) fn get(url: impl Into<String>) -> Self {
        Self {
            settings: settings(),
            proxies: ProxySettings::default(),
            spec: HttpGeneratorSpec { url: url.into(), ..HttpGeneratorSpec::default() },
            secrets: Secrets::new(),
            validators: None,
            pre_request: None,
            keep_head: false,
            progress: Progress::default(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Adds a Secret and refers to it for headers.
    pub(super) fn headers(self, name: &str, headers: &[(&str, &str)]) -> Self {
        self.with(|ask| {
            let data = headers.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_owned())).collect();
            ask.secret(name, data);
            ask.spec.headers_secret_ref = Some(crate::api::external_source::SecretReference { name: name.to_owned() });
        })
    }

    /// Adds a Secret and refers to it for the CA bundle.
    pub(super) fn ca(self, name: &str, data: BTreeMap<String, Vec<u8>>) -> Self {
        self.with(|ask| {
            ask.secret(name, data);
            let name = name.to_owned();
            let reference = crate::api::external_source::SecretKeyReference { name, key: None };
            ask.spec.ca_bundle_secret_ref = Some(reference);
        })
    }

    pub(super) fn validators(self, etag: Option<&str>, last_modified: Option<&str>) -> Self {
        self.with(|ask| {
            let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
            ask.validators = Some(Validators { etag: owned(etag), last_modified: owned(last_modified) });
        })
    }

    fn secret(&mut self, name: &str, data: BTreeMap<String, Vec<u8>>) {
        self.secrets.insert(name.to_owned(), Arc::new(Secret { version: "1".to_owned(), data }));
    }

    pub(super) fn generator(&self) -> HttpGenerator {
        // Also set by other tests of this process.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        HttpGenerator::with_proxies(self.settings.clone(), self.proxies.clone())
    }

    pub(super) fn generator_spec(&self) -> GeneratorSpec {
        GeneratorSpec { kind: "http".to_owned(), http: Some(self.spec.clone()) }
    }

    pub(super) async fn run(&self) -> Result<Answer, Failure> {
        self.run_on(&self.generator()).await
    }

    pub(super) async fn run_on(&self, generator: &HttpGenerator) -> Result<Answer, Failure> {
        let request = Request {
            spec: &self.generator_spec(),
            secrets: &self.secrets,
            pre_request: self.pre_request.as_ref(),
            validators: self.validators.as_ref(),
            keep_head: self.keep_head,
            spools: &Spools::new(64 * 1024, std::env::temp_dir()),
            progress: &self.progress,
        };
        generator.generate(request).await
    }

    /// The answer's content; anything else fails the test.
    pub(super) async fn content(&self) -> Content {
        match self.run().await {
            Ok(Answer::Content(content)) => content,
            other => panic!("no content: {other:?}"),
        }
    }

    /// The answer's body.
    pub(super) async fn body(&self) -> Vec<u8> {
        bytes(&self.content().await)
    }

    /// The failure; anything else fails the test.
    pub(super) async fn failure(&self) -> Failure {
        self.run().await.expect_err("no failure")
    }
}

/// All bytes of a body.
pub(super) fn bytes(content: &Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut content.body.reader(), &mut bytes).unwrap();
    bytes
}
