//! Plain calls to the listener for operators.

use reqwest::{Client, Method, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::Relay;

/// An operator at the Unix socket of a relay, or with a token over TCP.
pub struct Operator {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Operator {
    /// Opens the Unix socket of a relay.
    pub fn of(relay: &Relay) -> Self {
        let client = Client::builder().unix_socket(relay.admin_socket()).build().unwrap();
        Self { client, base: "http://localhost".to_owned(), token: None }
    }

    /// Calls the listener at this address, with a token or without.
    pub fn at(address: &str, token: Option<&str>) -> Self {
        Self { client: Client::new(), base: format!("http://{address}"), token: token.map(str::to_owned) }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    /// Returns the status and the body, which is null if there is none.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.send(method.parse().unwrap(), path, body).await;
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        (status, body)
    }

    pub async fn status(&self, path: &str) -> u16 {
        self.ask("GET", path, None).await.0
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }
}

/// Returns a line of a token file.
pub fn token_line(name: &str, role: &str, token: &str) -> String {
    let hash: String = Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:{role}:{hash}\n")
}
