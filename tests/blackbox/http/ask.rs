//! Plain HTTP, byte by byte: requests that the client library never sends, and answers exactly as
//! they come.

use ferry_client::Session;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{Person, Relay, interface::Exchange, unchunked, within};

/// A text in everything that is wrong about a request. No answer and no log may contain it.
pub const CANARY: &str = "canary7f3a";

/// A request on its own connection.
pub struct Ask {
    address: String,
    method: String,
    target: String,
    head: String,
    body: Vec<u8>,
    announced: Option<usize>,
}

pub fn ask(relay: &Relay, method: &str, target: &str) -> Ask {
    let head = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", relay.address);
    let (method, target) = (method.to_owned(), target.to_owned());
    Ask { address: relay.address.clone(), method, target, head, body: Vec::new(), announced: None }
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Names another host than the one that it is sent to, as a proxy may.
    pub fn host(mut self, host: &str) -> Self {
        self.head = self.head.replace(&format!("\r\nhost: {}\r\n", self.address), &format!("\r\nhost: {host}\r\n"));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.announced = Some(self.body.len());
        self
    }

    /// Sets the `Content-Length`, whatever the body.
    pub fn announcing(mut self, length: usize) -> Self {
        self.announced = Some(length);
        self
    }

    /// Sets a body in chunks of 1 KiB, without the last chunk, which would end it.
    pub fn chunked_without_end(mut self, body: &[u8]) -> Self {
        self.head.push_str("transfer-encoding: chunked\r\n");
        self.body.clear();
        for chunk in body.chunks(1024) {
            self.body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.body.extend_from_slice(chunk);
            self.body.extend_from_slice(b"\r\n");
        }
        self.announced = None;
        self
    }

    /// Sends the request and returns the answer. Checks it against `docs/openapi.json`, and that
    /// its headers tell browsers to do nothing with it.
    pub async fn send(self) -> Answer {
        let bytes = exchange(&self.address, &self.bytes()).await;
        let answer = Answer::parse(&bytes);
        let answer = answer.unwrap_or_else(|| panic!("no answer, but {:?}", String::from_utf8_lossy(&bytes)));
        let exchange = Exchange {
            method: &self.method,
            target: &self.target,
            status: answer.status,
            media_type: answer.header("content-type"),
            allow: answer.header("allow"),
            body: &answer.body,
        };
        assert_eq!(exchange.faults(), [""; 0]);
        // hyper answers what is no request by itself, without a body.
        if !(matches!(answer.status, 400 | 431) && answer.body.is_empty()) {
            answer.assert_harmless(&self.target);
        }
        answer
    }

    fn bytes(&self) -> Vec<u8> {
        let length = self.announced.map(|length| format!("content-length: {length}\r\n")).unwrap_or_default();
        let mut bytes = format!("{}{length}\r\n", self.head).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Writes this on its own connection, and reads everything until the relay closes.
pub async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    within(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A relay that has read enough may close before everything is written.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    })
    .await
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut answer = Self { status, headers, body: body.to_owned() };
        if answer.header("transfer-encoding") == Some("chunked") {
            // An answer that ends too early has no body here.
            let whole = unchunked(answer.body.as_bytes()).map(|(body, _)| String::from_utf8(body).unwrap());
            answer.body = whole.unwrap_or_default();
        }
        Some(answer)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Checks that browsers neither guess the type of the answer, nor store or frame it, nor tell
    /// others where it came from.
    #[track_caller]
    fn assert_harmless(&self, target: &str) {
        assert_eq!(self.all("x-content-type-options"), ["nosniff"], "{target}");
        assert_eq!(self.all("referrer-policy"), ["no-referrer"], "{target}");
        let policies = self.all("content-security-policy");
        let [policy] = policies[..] else { panic!("{target}: {policies:?}") };
        for directive in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.split("; ").any(|given| given == directive), "{target}: {policy}");
        }
        let is_public = target == "/"
            || ["/.well-known/", "/openapi.json", "/docs", "/assets/", "/icons/", "/sw.js", "/manifest.webmanifest"]
                .iter()
                .any(|path| target.starts_with(path));
        if !is_public || self.status != 200 {
            assert_eq!(self.all("cache-control"), ["no-store"], "{target}");
        }
    }

    /// Returns the body of a success with this status.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() { Value::Null } else { serde_json::from_str(&self.body).unwrap() }
    }

    /// Returns the body of an error with this code. Checks everything that all errors have in
    /// common.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        assert!(!self.body.contains(CANARY), "the answer repeats what was sent: {}", self.body);
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["code"], code, "{}", self.body);
        assert_eq!(problem["status"], status, "{}", self.body);
        assert_eq!(problem["type"], format!("urn:ferry:error:{code}"), "{}", self.body);
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{}", self.body);
        problem
    }

    /// Checks that this is an error that names a field.
    #[track_caller]
    pub fn invalid(&self, field: &str) {
        let problem = self.problem(422, "invalid");
        assert_eq!(problem["field"], field, "{}", self.body);
    }
}

/// A device, logged in without the client library.
#[derive(Debug, Clone)]
pub struct Login {
    pub device: String,
    pub access: String,
    pub refresh: String,
}

pub fn login(relay: &Relay, name: &str, password: &str) -> Ask {
    let body = json!({ "username": name, "password": password, "device_name": "test" });
    ask(relay, "POST", "/v1/sessions").json(&body)
}

pub async fn log_in(relay: &Relay, person: &Person) -> Login {
    let session = login(relay, &person.name, person.password.expose()).send().await.ok(201);
    Login {
        device: text(&session["device"]["id"]),
        access: text(&session["access_token"]),
        refresh: text(&session["refresh_token"]),
    }
}

pub async fn refresh(relay: &Relay, token: &str) -> Answer {
    ask(relay, "POST", "/v1/sessions/refresh").json(&json!({ "refresh_token": token })).send().await
}

#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// Returns the access token of a session of the client library.
pub fn token(session: &Session) -> String {
    session.credentials().access_token.expose().to_owned()
}
