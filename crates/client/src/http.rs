//! HTTP: a request with limits on time and size, and its answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferry_protocol::{Problem, Secret};
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::{Backoff, ClientError};

/// The longest answer that is read, in bytes. A longer one is an error. The longest page of a list
/// is far shorter.
const ANSWER_MAX: usize = 4 << 20;

/// How often a call with a key is made at most, if its answer is lost.
const TRIES: u32 = 3;
/// The longest wait before the second try. It doubles with each.
const RETRY: Duration = Duration::from_millis(250);

/// The header that makes a call repeatable.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The time limit for a whole download. Its length has no limit, so it may take longer than a call.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The settings of a [`Client`].
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The `User-Agent` header. The relay shows it in the list of devices.
    pub user_agent: String,
    /// The time limit for opening a connection, including TLS. Also used for the socket.
    pub connect_timeout: Duration,
    /// The time limit for a whole call.
    pub timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("ferry-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

/// A relay, and the calls that need no login. Cheap to clone; clones share their connections.
///
/// It does not use the proxies of the environment, because the socket could not go through them.
/// It does not follow redirects, so a token goes only to the server that it was meant for.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    base: Url,
    tls: Arc<rustls::ClientConfig>,
    options: ClientOptions,
}

/// A call that is ready to be sent, once or twice.
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    /// The key by which the relay recognises a repetition of the call.
    key: Option<String>,
}

impl Call {
    /// Creates a call. `path` comes after `/v1/`, and consists of literals and ids only.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, key: None }
    }

    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|_| ClientError::Protocol("a body that is not JSON".into()))?;
        self.body = Some(body);
        Ok(self)
    }

    /// Makes the call repeatable: it has the same effect however often it is made. So it is made
    /// again by itself if its answer is lost.
    pub(crate) fn repeatable(mut self) -> Self {
        self.key = Some(format!("{:032x}", rand::random::<u128>()));
        self
    }
}

impl Client {
    /// Creates a client of the relay at `base_url`, for example `https://ferry.example` or
    /// `http://127.0.0.1:8080`. Does not connect yet.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`]; for `https` also [`ClientError::Tls`].
    pub fn new(base_url: &str, options: ClientOptions) -> Result<Self, ClientError> {
        let base = parse_base(base_url)?;
        let tls = Arc::new(tls_config(base.scheme() == "https")?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ClientError::Tls(describe(&error)))?;
        Ok(Self { inner: Arc::new(Inner { http, base, tls, options }) })
    }

    /// Returns the base URL, without a slash at the end.
    #[must_use]
    pub fn server(&self) -> &str {
        self.inner.base.as_str().trim_end_matches('/')
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    pub(crate) fn tls(&self) -> Arc<rustls::ClientConfig> {
        Arc::clone(&self.inner.tls)
    }

    /// Returns the base URL with `ws://` or `wss://`.
    pub(crate) fn socket_url(&self) -> String {
        let rest = self.server().trim_start_matches("http");
        format!("ws{rest}/v1/socket")
    }

    /// Makes a call whose answer is JSON.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        call: &Call,
        token: Option<&Secret>,
    ) -> Result<A, ClientError> {
        let answer = self.send(call, token).await?;
        serde_json::from_slice(&answer).map_err(|error| ClientError::Protocol(ferry_protocol::describe(&error)))
    }

    /// Makes a call whose answer has no content.
    pub(crate) async fn call_empty(&self, call: &Call, token: Option<&Secret>) -> Result<(), ClientError> {
        self.send(call, token).await.map(|_| ())
    }

    /// Makes a call, and makes it again if it is repeatable and the answer is lost.
    async fn send(&self, call: &Call, token: Option<&Secret>) -> Result<Vec<u8>, ClientError> {
        let mut backoff = Backoff::new(RETRY, RETRY * 4);
        for _ in 1..TRIES {
            match self.send_once(call, token).await {
                Err(Lost { error, may_have_arrived: true }) if call.key.is_some() => {
                    tracing::debug!(%error, "an answer was lost: the call is made again");
                    tokio::time::sleep(backoff.next(rand::random())).await;
                }
                answer => return answer.map_err(|lost| lost.error),
            }
        }
        self.send_once(call, token).await.map_err(|lost| lost.error)
    }

    async fn send_once(&self, call: &Call, token: Option<&Secret>) -> Result<Vec<u8>, Lost> {
        let mut response = self.request(call, token)?.send().await.map_err(lost)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if answer.len() + chunk.len() > ANSWER_MAX {
                return Err(ClientError::Protocol("an answer that is too long".into()).into());
            }
            answer.extend_from_slice(&chunk);
        }
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer).into()) }
    }

    /// Makes a call, and gives `sink` the parts of a long answer as they come. The answer is whole
    /// only if this succeeds.
    pub(crate) async fn download(
        &self,
        call: &Call,
        token: &Secret,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), ClientError> {
        let request = self.request(call, Some(token))?.timeout(DOWNLOAD_TIMEOUT);
        let mut response = request.send().await.map_err(|error| network(&error))?;
        let status = response.status();
        let mut refused = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| network(&error))? {
            if status.is_success() {
                sink(&chunk).map_err(ClientError::Sink)?;
            } else if refused.len() + chunk.len() <= ANSWER_MAX {
                refused.extend_from_slice(&chunk);
            }
        }
        if status.is_success() { Ok(()) } else { Err(refusal(status, &refused)) }
    }

    fn request(&self, call: &Call, token: Option<&Secret>) -> Result<reqwest::RequestBuilder, ClientError> {
        let url = format!("{}/v1/{}", self.server(), call.path);
        let mut request = self.inner.http.request(call.method.clone(), url).header(ACCEPT, "application/json");
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, bearer(token)?);
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(key) = &call.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        Ok(request)
    }
}

/// Why a call has no answer.
struct Lost {
    error: ClientError,
    /// Whether the request may have taken effect: the relay was reached, and its answer was not.
    may_have_arrived: bool,
}

impl From<ClientError> for Lost {
    fn from(error: ClientError) -> Self {
        let may_have_arrived = matches!(error, ClientError::Network(_));
        Self { error, may_have_arrived }
    }
}

fn lost(error: reqwest::Error) -> Lost {
    Lost { may_have_arrived: !error.is_connect() && !error.is_builder(), error: network(&error) }
}

/// Turns an answer that is no success into an error.
fn refusal(status: reqwest::StatusCode, answer: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(answer) {
        Ok(problem) => ClientError::Problem(Box::new(problem)),
        // While the relay restarts, a proxy in front of it may answer in its place.
        Err(_) if matches!(status.as_u16(), 502..=504) => ClientError::Network(format!("HTTP status {status}")),
        Err(_) => ClientError::Protocol(format!("HTTP status {status}")),
    }
}

/// Returns the value of the header. It is marked as sensitive, so that no `Debug` of it shows the
/// token.
pub(crate) fn bearer(token: &Secret) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| ClientError::Protocol("an access token that no header can hold".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn parse_base(text: &str) -> Result<Url, ClientError> {
    let url = Url::parse(text).map_err(|error| ClientError::BadUrl(error.to_string()))?;
    let fault = if !matches!(url.scheme(), "http" | "https") {
        "it has to begin with http:// or https://"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it must hold no user and no password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it must hold no query and no fragment"
    } else {
        return Ok(url);
    };
    Err(ClientError::BadUrl(fault.to_owned()))
}

/// Returns the TLS configuration for calls and the socket. It names ring, because a library must
/// not install a provider for the whole process.
///
/// Without `https` it trusts no root. To read the system's roots takes a while, and fails on a
/// machine that has none.
fn tls_config(https: bool) -> Result<rustls::ClientConfig, ClientError> {
    use rustls_platform_verifier::BuilderVerifierExt;
    let tls = |error: rustls::Error| ClientError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(tls)?;
    Ok(if https {
        builder.with_platform_verifier().map_err(tls)?.with_no_client_auth()
    } else {
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    })
}

fn network(error: &reqwest::Error) -> ClientError {
    if error.is_timeout() {
        return ClientError::Network("no answer in time".into());
    }
    ClientError::Network(describe(error))
}

/// Describes the innermost cause ("Connection refused"). The outer ones repeat the URL.
fn describe(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one request, and returns its head.
    async fn one_answer(listener: tokio::net::TcpListener, answer: String) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    }

    async fn server() -> (tokio::net::TcpListener, Client) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (listener, Client::new(&url, ClientOptions::default()).unwrap())
    }

    #[tokio::test]
    async fn what_is_searched_for_is_encoded() {
        let (listener, client) = server().await;
        let call = Call::new(Method::GET, "users").query("query", Some("a&limit=9#b c%2f?+é")).query("limit", Some(5));
        let answer = "HTTP/1.1 204 No Content\r\n\r\n".to_owned();
        let (called, head) = tokio::join!(client.call_empty(&call, None), one_answer(listener, answer));
        called.unwrap();
        let target = head.split(' ').nth(1).unwrap();
        let (path, query) = target.split_once('?').unwrap();
        assert_eq!(path, "/v1/users");
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let wanted = [("query", "a&limit=9#b c%2f?+é"), ("limit", "5")];
        assert_eq!(pairs, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(!target.contains('#'), "{target}");
    }

    /// The token would go to whoever the answer names.
    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        for status in [301, 302, 303, 307, 308] {
            let (listener, client) = server().await;
            let (elsewhere, _) = server().await;
            let place = elsewhere.local_addr().unwrap();
            let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{place}/\r\ncontent-length: 0\r\n\r\n");
            let (call, token) = (Call::new(Method::GET, "me"), Secret::new("canary"));
            let (called, _) = tokio::join!(client.call_empty(&call, Some(&token)), one_answer(listener, answer));
            let error = called.unwrap_err().to_string();
            assert!(error.contains(&status.to_string()) && !error.contains("canary"), "{error}");
        }
    }

    /// Speaks TLS with a certificate that nobody vouches for. Returns what it got in
    /// clear, or the alert that ended the handshake.
    fn speak_tls(listener: &std::net::TcpListener) -> std::io::Result<Vec<u8>> {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
        use std::io::Read;
        let pem = include_bytes!("../testdata/nobody-vouches-for-this.pem");
        let (certificate, key) =
            (CertificateDer::from_pem_slice(pem).unwrap(), PrivateKeyDer::from_pem_slice(pem).unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let (mut stream, _) = listener.accept()?;
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut first = [0; 1024];
        let read = rustls::Stream::new(&mut tls, &mut stream).read(&mut first)?;
        Ok(first[..read].to_vec())
    }

    #[tokio::test]
    async fn a_server_with_a_bad_certificate_gets_no_request() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let server = tokio::task::spawn_blocking(move || speak_tls(&listener));
        let client = Client::new(&url, ClientOptions::default()).unwrap();
        let (call, token) = (Call::new(Method::GET, "me"), Secret::new("canary"));
        let error = client.call_empty(&call, Some(&token)).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
        let got = server.await.unwrap();
        assert!(got.as_ref().is_err_and(|error| error.to_string().contains("alert")), "{got:?}");
    }

    #[test]
    fn the_sockets_address_follows_from_the_base() {
        for (base, socket) in [
            ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/socket"),
            ("http://relay.example/ferry/", "ws://relay.example/ferry/v1/socket"),
        ] {
            let client = Client::new(base, ClientOptions::default()).unwrap();
            assert_eq!(client.socket_url(), socket);
        }
    }

    #[test]
    fn what_is_no_address_of_a_relay_is_refused() {
        for bad in ["127.0.0.1:8080", "ftp://a", "http://u:p@a", "http://a/?token=x", "http://a/#x", ""] {
            let refused = Client::new(bad, ClientOptions::default());
            assert!(matches!(refused, Err(ClientError::BadUrl(_))), "{bad}: {refused:?}");
        }
    }

    #[test]
    fn tls_can_be_set_up_with_no_provider_installed() {
        assert!(tls_config(false).is_ok());
    }

    #[test]
    fn no_token_in_debug() {
        let value = bearer(&Secret::new("canary")).unwrap();
        assert!(!format!("{value:?}").contains("canary"));
    }
}
