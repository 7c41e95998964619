//! The common part of the HTTP interfaces of nsqd and nsqlookupd.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// The longest answer that is read, in bytes: statistics of about 200,000 channels. A longer
/// answer is an error, and the rest of it is not read.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The error of an HTTP call.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There was no connection, or no complete answer in time.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// The server.
        address: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The server answered with an error.
    #[error("{address} answered {status} {message}")]
    Refused {
        /// The server.
        address: String,
        /// The HTTP status.
        status: u16,
        /// nsqd's `message`, for example `TOPIC_NOT_FOUND`, or the beginning of its text.
        message: String,
    },
    /// The answer does not have the form that nsqd gives it.
    #[error("{address} gave an answer that is not NSQ's")]
    Malformed {
        /// The server.
        address: String,
    },
    /// The answer is longer than 64 MiB.
    #[error("{address} gave an answer that is too long")]
    TooLong {
        /// The server.
        address: String,
    },
    /// The HTTP client cannot be created.
    #[error("cannot set up the HTTP client: {0}")]
    Setup(reqwest::Error),
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    address: String,
}

/// Returns a TLS configuration that trusts no certificate. nsqd's HTTP has no TLS. But cargo
/// unites features over a build: if another crate turns on TLS in reqwest, a client cannot be
/// built without naming the cryptography.
fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    #[expect(clippy::expect_used, reason = "ring has the cipher suites of the default versions")]
    let versions = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3");
    versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

impl Http {
    pub(super) fn new(address: &str, timeout: Duration) -> Result<Self, AdminError> {
        let client = reqwest::Client::builder()
            .connect_timeout(timeout)
            .timeout(timeout)
            // The configuration names nsqd, so a proxy from the environment must not come in
            // between.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_backend_preconfigured(no_tls())
            .build()
            .map_err(AdminError::Setup)?;
        let address = address.trim_end_matches('/');
        let address = address.strip_prefix("http://").unwrap_or(address).to_owned();
        Ok(Self { client, address })
    }

    /// Sends a POST. Any answer but 200 is an error.
    pub(super) async fn post(&self, path: &str, query: &[(&str, &str)]) -> Result<(), AdminError> {
        let response = self.send(Method::POST, path, query).await?;
        self.expect_ok(response).await.map(drop)
    }

    /// Sends a POST with a body. Any answer but 200 is an error.
    pub(super) async fn post_body(&self, path: &str, query: &[(&str, &str)], body: Vec<u8>) -> Result<(), AdminError> {
        let url = format!("http://{}{path}", self.address);
        let sent = self.client.post(url).query(query).body(body).send().await;
        let response = sent.map_err(|error| self.unreachable(error))?;
        self.expect_ok(response).await.map(drop)
    }

    /// Sends a POST to something that may not exist. Returns `false` for a 404.
    pub(super) async fn post_existing(&self, path: &str, query: &[(&str, &str)]) -> Result<bool, AdminError> {
        let response = self.send(Method::POST, path, query).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.expect_ok(response).await.map(|_| true)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, AdminError> {
        let response = self.send(Method::GET, path, query).await?;
        let body = self.expect_ok(response).await?;
        serde_json::from_slice(&body).map_err(|_| AdminError::Malformed { address: self.address.clone() })
    }

    pub(super) async fn get_text(&self, path: &str) -> Result<String, AdminError> {
        let response = self.send(Method::GET, path, &[]).await?;
        let body = self.expect_ok(response).await?;
        String::from_utf8(body).map_err(|_| AdminError::Malformed { address: self.address.clone() })
    }

    pub(super) async fn ping(&self) -> Result<(), AdminError> {
        let response = self.send(Method::GET, "/ping", &[]).await?;
        self.expect_ok(response).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<Response, AdminError> {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).query(query).send().await.map_err(|error| self.unreachable(error))
    }

    async fn expect_ok(&self, mut response: Response) -> Result<Vec<u8>, AdminError> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(AdminError::TooLong { address: self.address.clone() });
            }
            body.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            return Ok(body);
        }
        // `/ping` answers with plain text, everything else with JSON.
        let message = serde_json::from_slice::<Refusal>(&body)
            .map_or_else(|_| String::from_utf8_lossy(&body).chars().take(200).collect(), |refusal| refusal.message);
        Err(AdminError::Refused { address: self.address.clone(), status: status.as_u16(), message })
    }

    fn unreachable(&self, error: reqwest::Error) -> AdminError {
        // The address is in the error already. The URL would repeat it with topic and channel.
        AdminError::Unreachable { address: self.address.clone(), source: error.without_url() }
    }
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Reads a list. Go writes an empty list as `null`.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
