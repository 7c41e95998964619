//! The web client, at `/`. Its files are compiled in.
//!
//! The page may load what the relay serves and call the relay, and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use ferry_web::{Coding, File};
use http::{HeaderName, HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

use super::{Route, any_of, call::Call, route};
use crate::{app::App, refusal::Refusal};

/// What the page may do. The policy `ferry` of trusted types makes the addresses of the client's
/// worker and service worker, and of nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types ferry";

/// Features of browsers that the client never uses.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// The service worker of a relay that has no web client any more. It removes itself, so that
/// browsers do not go on with a copy of the client.
const FAREWELL: &[u8] = include_bytes!("farewell.js");

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Public, Free, warp::path!(), page),
        route!(app, get, Public, Free, warp::path!("sw.js"), service_worker),
        route!(app, get, Public, Free, warp::path!("manifest.webmanifest"), manifest),
        route!(app, get, Public, Free, warp::path!("assets" / String), asset, name),
        route!(app, get, Public, Free, warp::path!("icons" / String), icon, name),
    ])
}

/// The one route of a relay without the web client.
pub(super) fn farewell(app: &Arc<App>) -> Route {
    route!(app, get, Public, Free, warp::path!("sw.js"), unregister)
}

async fn page(call: Call) -> Result<Response, Refusal> {
    answer(&call, "/")
}

async fn service_worker(call: Call) -> Result<Response, Refusal> {
    answer(&call, "/sw.js")
}

async fn manifest(call: Call) -> Result<Response, Refusal> {
    answer(&call, "/manifest.webmanifest")
}

async fn asset(call: Call, name: String) -> Result<Response, Refusal> {
    answer(&call, &format!("/assets/{name}"))
}

async fn icon(call: Call, name: String) -> Result<Response, Refusal> {
    answer(&call, &format!("/icons/{name}"))
}

async fn unregister(_: Call) -> Result<Response, Refusal> {
    let mut response = http::Response::new(Bytes::from_static(FAREWELL)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

fn answer(call: &Call, path: &str) -> Result<Response, Refusal> {
    let file = ferry_web::file(path).ok_or_else(Refusal::not_found)?;
    let text = |name: HeaderName| call.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known =
        text(header::IF_NONE_MATCH).split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == file.etag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(file, Coding::best(text(header::ACCEPT_ENCODING)))?
    };
    let headers = response.headers_mut();
    let cache = if file.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    for (name, value) in [
        (header::CACHE_CONTROL, cache),
        (header::ETAG, file.etag),
        (header::VARY, "Accept-Encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn content(file: &'static File, coding: Coding) -> Result<Response, Refusal> {
    let (body, name) = match coding {
        Coding::Brotli => (Bytes::from_static(file.brotli), Some("br")),
        Coding::Gzip => (Bytes::from_static(file.gzip), Some("gzip")),
        Coding::Identity => (Bytes::from(file.plain().map_err(|_| Refusal::internal())?), None),
    };
    let mut response = http::Response::new(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    if let Some(name) = name {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok(response)
}
