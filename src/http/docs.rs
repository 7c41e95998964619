//! `/openapi.json`, which describes the interface for machines, and `/docs`, which shows it to
//! people. Both are compiled in.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, header};
use warp::reply::{Reply, Response};

use super::{Route, any_of, call::Call, route};
use crate::{app::App, refusal::Refusal};

/// The description of the interface, written by hand. See
/// docs/decisions/0011-the-interface-is-described-by-hand.md.
pub(super) const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// A file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    /// Whether it is compressed, in the tree and on the wire alike. Every browser takes gzip, and
    /// nothing else needs the file.
    is_gzip: bool,
    content: &'static [u8],
}

static FILES: [File; 4] = [
    File {
        name: "swagger-ui-bundle.js",
        media_type: "text/javascript; charset=utf-8",
        is_gzip: true,
        content: include_bytes!("../../vendor/swagger-ui/swagger-ui-bundle.js.gz"),
    },
    File {
        name: "swagger-ui.css",
        media_type: "text/css; charset=utf-8",
        is_gzip: true,
        content: include_bytes!("../../vendor/swagger-ui/swagger-ui.css.gz"),
    },
    File {
        name: "favicon.png",
        media_type: "image/png",
        is_gzip: false,
        content: include_bytes!("../../vendor/swagger-ui/favicon.png"),
    },
    File {
        name: "start.js",
        media_type: "text/javascript; charset=utf-8",
        is_gzip: false,
        content: include_bytes!("docs/start.js"),
    },
];

/// Allows only the relay's own files, and calls to the relay itself. Swagger UI's style sheet has
/// its pictures in `data:` URLs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes(app: &Arc<App>) -> Route {
    any_of([
        route!(app, get, Public, Free, warp::path!("openapi.json"), document),
        route!(app, get, Public, Free, warp::path!("docs"), page),
        route!(app, get, Public, Free, warp::path!("docs" / String), file, which),
    ])
}

async fn document(_: Call) -> Result<Response, Refusal> {
    Ok(fixed("application/json", DOCUMENT.as_bytes()))
}

async fn page(_: Call) -> Result<Response, Refusal> {
    let mut response = fixed("text/html; charset=utf-8", include_bytes!("docs/page.html"));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

async fn file(_: Call, which: String) -> Result<Response, Refusal> {
    let file = FILES.iter().find(|file| file.name == which).ok_or_else(Refusal::not_found)?;
    let mut response = fixed(file.media_type, file.content);
    if file.is_gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Answers with a file that stays the same until another version of the relay starts.
fn fixed(media_type: &'static str, content: &'static [u8]) -> Response {
    let mut response = http::Response::new(Bytes::from_static(content)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
