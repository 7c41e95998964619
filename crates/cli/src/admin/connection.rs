//! Calls to a relay's listener for operators.

use std::{path::Path, sync::Arc, time::Duration};

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::failure::Failure;

/// The sockets that are tried without `--admin`: that of the service, and that of a relay that was
/// started in this directory.
const SOCKETS: [&str; 2] = ["/run/ferry/admin.sock", "ferry.db.admin.sock"];
/// How long a call may take. The end of an account with many rooms takes some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module's description.
pub struct Connection {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Connection {
    /// Prepares calls to this place, or to the first socket of [`SOCKETS`] that is there.
    pub fn open(place: Option<&str>, token_file: Option<&Path>) -> Result<Self, Failure> {
        let place = match place.filter(|place| !place.is_empty()) {
            Some(place) => place.to_owned(),
            None => match SOCKETS.iter().find(|path| Path::new(path).exists()) {
                Some(path) => format!("unix:{path}"),
                None => {
                    return Err(Failure::usage(format!(
                        "there is no relay at {}: say where it listens for operators, with --admin unix:PATH or http://HOST:PORT",
                        SOCKETS.join(" or ")
                    )));
                }
            },
        };
        let token = token_file.map(read_token).transpose()?;
        let builder = Client::builder().tls_backend_preconfigured(no_tls()?).timeout(PATIENCE).no_proxy();
        let (builder, base) = match place.strip_prefix("unix:") {
            Some(path) => (builder.unix_socket(path), "http://localhost".to_owned()),
            None if place.starts_with("http://") => (builder, place.trim_end_matches('/').to_owned()),
            None => return Err(Failure::usage("--admin must be unix:PATH or http://HOST:PORT")),
        };
        let client = builder.build().map_err(|error| Failure::failed(format!("no HTTP client: {error}")))?;
        Ok(Self { client, base, token })
    }

    /// Returns what is at this path.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.call(Method::GET, path, query, None).await
    }

    /// Asks for a change.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// Sets what is at this path.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, &[], Some(body)).await
    }

    /// Deletes what is at this path.
    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, &[], None).await
    }

    /// Returns all items of a list, or the first `limit`.
    pub async fn list(&self, path: &str, query: &[(&str, String)], limit: usize) -> Result<Vec<Value>, Failure> {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let mut page = query.to_vec();
            page.push(("limit", (limit - items.len()).min(200).to_string()));
            page.extend(cursor.map(|cursor| ("cursor", cursor)));
            let mut answer = self.get(path, &page).await?;
            if let Value::Array(more) = answer["items"].take() {
                items.extend(more);
            }
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).query(query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        // The error of reqwest names the URL, which has no secret.
        let unreachable = |error: reqwest::Error| Failure::temporary(format!("the relay does not answer: {error}"));
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() { Ok(value) } else { Err(refused(status, &value)) }
    }
}

fn refused(status: StatusCode, problem: &Value) -> Failure {
    let detail = problem["detail"].as_str().unwrap_or("the relay gave no reason");
    let text = match problem["field"].as_str() {
        Some(field) => format!("{field}: {detail}"),
        None => detail.to_owned(),
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Failure::temporary(text),
        StatusCode::UNAUTHORIZED => Failure::failed(format!("{text} (--token-file)")),
        _ => Failure::failed(text),
    }
}

/// Returns settings of TLS that trust nobody. The listener for operators speaks no TLS, and without
/// any settings reqwest wants a provider for the whole process.
fn no_tls() -> Result<rustls::ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Failure::failed(format!("no TLS: {error}")))?;
    Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    match text.trim() {
        "" => Err(Failure::usage(format!("{} has no token", path.display()))),
        token => Ok(token.to_owned()),
    }
}

/// Returns a segment of a path for what somebody typed.
pub fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
