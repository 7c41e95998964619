//! One request, as a handler sees it. Reads the identity, body, query and address only when they
//! are asked for.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::{Buf, BytesMut};
use ferry_protocol::{ErrorCode, NotStrict, check_json, describe};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Method, header};
use serde::de::DeserializeOwned;
use warp::{
    Filter,
    filters::{BoxedFilter, path::FullPath},
};

use super::{cost::Cost, origin::Origin};
use crate::{
    admin::Caller, app::App, config::Proxies, identity::Authenticated, network::Network, refusal::Refusal, server::Peer,
};

type Body = Pin<Box<dyn Stream<Item = Result<bytes::Bytes, warp::Error>> + Send>>;

/// See the module's description.
pub struct Call {
    /// The relay.
    pub app: Arc<App>,
    /// The other end of the connection. `None` only if no accept loop is in front, so never in a
    /// running relay.
    pub peer: Option<Peer>,
    /// The other end of a connection to the listener for operators. `None` on the port of the
    /// users.
    pub caller: Option<Caller>,
    method: Method,
    path: FullPath,
    headers: HeaderMap,
    query: String,
    /// In a mutex only so that threads can share a `Call` by reference. Nobody else ever locks it.
    body: Mutex<Body>,
    /// Who asks, once [`Self::identity`] has found out.
    who: Arc<OnceLock<Authenticated>>,
}

/// The page of a list that is asked for.
#[derive(Debug)]
pub struct Paging {
    /// The limit of items.
    pub limit: usize,
    /// The place to begin at. `None` for the first page.
    pub cursor: Option<String>,
}

const PAGE: usize = 50;
const PAGE_MAX: usize = 200;

/// Takes everything from the request, and rejects nothing. Boxed, so that the compiler does not
/// build the whole chain again for every route.
pub fn call(app: &Arc<App>) -> BoxedFilter<(Call,)> {
    let app = Arc::clone(app);
    let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
    warp::any()
        .map(move || Arc::clone(&app))
        .and(warp::ext::optional::<Peer>())
        .and(warp::ext::optional::<Caller>())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and(query)
        .and(warp::body::stream())
        .map(|app, peer, caller, method, path, headers, query, body| {
            let body: Mutex<Body> = Mutex::new(Box::pin(into_bytes(body)));
            Call { app, peer, caller, method, path, headers, query, body, who: Arc::default() }
        })
        .boxed()
}

fn into_bytes<S, B>(body: S) -> impl Stream<Item = Result<bytes::Bytes, warp::Error>> + Send
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    body.map(|part| part.map(|mut part| part.copy_to_bytes(part.remaining())))
}

impl Call {
    /// Returns whether the method is one that may change something.
    pub fn changes_something(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Returns the device that asks, by a bearer token or a browser's cookie, and counts the
    /// request. A cookie changes something only from a page of an allowed origin. Routes call this
    /// before their handler.
    ///
    /// # Errors
    /// Fails with `unauthorized`, `forbidden` for a foreign origin, or `rate_limited`.
    pub async fn device(&self, cost: Cost) -> Result<Authenticated, Refusal> {
        let who = self.identity(self.changes_something()).await?.ok_or_else(Refusal::unauthorized)?;
        self.charge(cost, Some(who))?;
        Ok(who)
    }

    /// Counts the request against its limit: that of the device, of its user, or of the client's
    /// address.
    ///
    /// # Errors
    /// Fails with `rate_limited`.
    pub fn charge(&self, cost: Cost, who: Option<Authenticated>) -> Result<(), Refusal> {
        let (limits, network) = (&self.app.limits, self.network());
        let taken = match (cost, who) {
            (Cost::Free, _) | (Cost::Call | Cost::Read | Cost::Export, None) => Ok(()),
            (Cost::Read, Some(who)) => limits.reads.take(&who.device),
            (Cost::Call, Some(who)) => limits.calls.take(&who.device),
            (Cost::Export, Some(who)) => limits.exports.take(&who.user),
            (Cost::Account, _) => limits.accounts_from.take(&network),
            (Cost::Login, _) => limits.logins_from.take(&network),
            (Cost::Refresh, _) => limits.refreshes_from.take(&network),
        };
        taken.map_err(Refusal::rate_limited)
    }

    /// Returns the device that asks, as [`Self::device`] does, but counts nothing. Returns `None`
    /// if the request does not say who asks.
    ///
    /// # Errors
    /// Fails with `unauthorized`, or with `forbidden` for a foreign origin.
    pub async fn identity(&self, checks_origin: bool) -> Result<Option<Authenticated>, Refusal> {
        let token = match self.bearer()? {
            Some(token) => token,
            None => {
                let Some(token) = self.access_cookie()? else { return Ok(None) };
                if checks_origin {
                    self.check_origin()?;
                }
                token
            }
        };
        let who = self.app.identity.authenticate(token).await?;
        Ok(Some(*self.who.get_or_init(|| who)))
    }

    /// Returns the bearer token of the request, if there is one.
    ///
    /// # Errors
    /// Fails with `unauthorized` if the header is there and is no bearer token.
    pub fn bearer(&self) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let text = value.to_str().map_err(|_| Refusal::unauthorized())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(Refusal::unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::unauthorized());
        }
        Ok(Some(token.trim()))
    }

    /// Returns the headers of the request.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the `User-Agent`, cut to what a list of devices needs.
    pub fn user_agent(&self) -> Option<String> {
        let agent = self.headers.get(header::USER_AGENT)?.to_str().ok()?;
        Some(agent.chars().take(200).collect())
    }

    /// Returns the client's address: that of the connection, or what trusted proxies say of it.
    pub fn address(&self) -> IpAddr {
        if let Some(Caller::Tcp(address)) = self.caller {
            // No proxy stands before the listener for operators.
            return address.ip().to_canonical();
        }
        address_of(self.peer.as_ref(), &self.headers, &self.app.config.now().trusted_proxies)
    }

    /// Returns the client's network, by its address.
    pub fn network(&self) -> Network {
        self.address().into()
    }

    /// Returns where the request comes from, for the log. `route` is its path, as for
    /// `warp::path!`.
    pub(super) fn origin(&self, route: &'static str) -> Origin {
        let after = self.path.as_str().strip_prefix("/v1/rooms/");
        let room = after.and_then(|rest| rest.split('/').next()?.parse().ok());
        let (method, network, who) = (self.method.clone(), self.network(), Arc::clone(&self.who));
        Origin { route, method, network, room, who, is_operator: self.caller.is_some() }
    }

    /// Rejects a request with a token in its URL, because proxies and browsers store URLs.
    ///
    /// # Errors
    /// Fails with `token_in_url`.
    pub fn refuse_token_in_url(&self) -> Result<(), Refusal> {
        let names = ["token", "access_token", "refresh_token", "authorization", "jwt"];
        let is_token = |(name, _): (std::borrow::Cow<'_, str>, _)| names.contains(&name.to_ascii_lowercase().as_str());
        if url::form_urlencoded::parse(self.query.as_bytes()).any(is_token) {
            return Err(Refusal::new(
                ErrorCode::TokenInUrl,
                "send the token in the Authorization header, never in a URL",
            ));
        }
        Ok(())
    }

    /// Returns a parameter of the query. An empty one counts as left out.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    }

    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// Fails with `invalid` if the limit is not a number in the allowed range.
    pub fn paging(&self) -> Result<Paging, Refusal> {
        let limit = match self.parameter("limit") {
            None => PAGE,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=PAGE_MAX).contains(limit))
                .ok_or_else(|| Refusal::invalid("limit", format!("must be 1 to {PAGE_MAX}")))?,
        };
        Ok(Paging { limit, cursor: self.parameter("cursor") })
    }

    /// Reads the body, which must be JSON of this shape.
    ///
    /// # Errors
    /// Fails with `unsupported_media_type`, `too_large` or `malformed`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        if !self.is_json() {
            return Err(untyped());
        }
        let body = self.bytes().await?;
        // Serde would also take an array of the fields' values in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Refusal::new(ErrorCode::Malformed, "the body must be a JSON object"));
        }
        if let Ok(text) = std::str::from_utf8(&body) {
            check_json(text).map_err(|fault| {
                let code = if fault == NotStrict::Number { ErrorCode::Invalid } else { ErrorCode::Malformed };
                Refusal::new(code, fault.to_string())
            })?;
        }
        serde_json::from_slice(&body).map_err(|error| Refusal::new(ErrorCode::Malformed, describe(&error)))
    }

    /// Returns whether the request says that its body is JSON.
    pub fn is_json(&self) -> bool {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    }

    /// Reads the body as [`Self::json`] does. Returns the default if there is neither a type nor a
    /// body.
    ///
    /// # Errors
    /// Fails as [`Self::json`] does.
    pub async fn json_or_default<T: DeserializeOwned + Default>(self) -> Result<T, Refusal> {
        if self.headers.contains_key(header::CONTENT_TYPE) {
            return self.json().await;
        }
        if self.has_body().await? { Err(untyped()) } else { Ok(T::default()) }
    }

    /// Returns whether there is a body. If its length is not announced, reads up to its first
    /// byte.
    async fn has_body(self) -> Result<bool, Refusal> {
        if let Some(length) = self.announced_length() {
            return Ok(length > 0);
        }
        let mut body = self.body.into_inner().unwrap_or_else(PoisonError::into_inner);
        let patience = self.app.config.times().body;
        let read = async {
            while let Some(part) = body.next().await {
                if !part.map_err(|_| cut_off())?.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        tokio::time::timeout(patience, read).await.map_err(|_| late())?
    }

    fn announced_length(&self) -> Option<usize> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    async fn bytes(self) -> Result<BytesMut, Refusal> {
        let limit = self.app.config.now().limits.frame;
        let too_large = || Refusal::new(ErrorCode::TooLarge, format!("the body must be {limit} bytes at most"));
        if self.announced_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = self.body.into_inner().unwrap_or_else(PoisonError::into_inner);
        let patience = self.app.config.times().body;
        let read = async {
            let mut bytes = BytesMut::new();
            while let Some(part) = body.next().await {
                let part = part.map_err(|_| cut_off())?;
                // A chunked body does not announce its length, so it is counted as it comes.
                if bytes.len() + part.len() > limit {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&part);
            }
            Ok(bytes)
        };
        tokio::time::timeout(patience, read).await.map_err(|_| late())?
    }
}

/// Returns the address of the client of a request: that of the connection, or what trusted proxies
/// say of it.
pub(super) fn address_of(peer: Option<&Peer>, headers: &HeaderMap, trusted: &Proxies) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    let peer = peer.map_or(unknown, |peer| peer.address.ip().to_canonical());
    if !trusted.contains(peer) {
        return peer;
    }
    // From the right: each trusted proxy vouches for the entry that it appended. The first entry
    // that is not a trusted proxy is the client. An entry that cannot be read ends the walk,
    // because the client may have invented what is left of it.
    let headers: Vec<&http::HeaderValue> = headers.get_all("x-forwarded-for").iter().collect();
    let mut client = peer;
    for entry in headers.iter().rev().flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
        let Some(address) = read_address(entry) else { break };
        client = address;
        if !trusted.contains(address) {
            break;
        }
    }
    client
}

/// Returns the refusal of a body that is not JSON.
pub fn untyped() -> Refusal {
    Refusal::new(ErrorCode::UnsupportedMediaType, "the body must be application/json")
}

fn cut_off() -> Refusal {
    Refusal::new(ErrorCode::Malformed, "the body ends too early")
}

fn late() -> Refusal {
    Refusal::new(ErrorCode::Malformed, "the body took too long")
}

/// Reads an address as proxies write it, with a port or without.
fn read_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(address.to_canonical())
}

/// Reads an id from a path. A text that is no id is answered like an unknown id.
///
/// # Errors
/// Fails with `not_found`.
pub fn id<T: FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}
