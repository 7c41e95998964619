//! The web client as a relay serves it. What it does is tested in a browser (`web/e2e`).

use reqwest::{Client, Method, StatusCode, header};

use crate::{
    harness::{Backend, World},
    http::ask::ask,
};

/// What the page may do, word for word: a change here is a change of what users are promised.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
    connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types ferry";

/// A client that takes no coding.
fn plain() -> Client {
    Client::new()
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_from_the_relay_alone() {
    let world = World::start(Backend::Embedded).await;
    let page = plain().get(world.relay().url("/")).send().await.unwrap();
    assert_eq!(
        (page.status(), page.headers()[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "text/html; charset=utf-8")
    );
    let html = page.text().await.unwrap();
    let paths: Vec<&str> = html.split('"').filter(|part| part.starts_with('/')).collect();
    assert!(!html.contains("://") && !html.contains("<style") && paths.len() > 2, "{html}");
    for path in ["/", "/sw.js", "/manifest.webmanifest"].iter().chain(&paths) {
        let file = plain().get(world.relay().url(path)).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK, "{path}");
        let expected = [
            ("content-security-policy", POLICY),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("vary", "Accept-Encoding"),
            (
                "cache-control",
                if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" },
            ),
        ];
        for (name, value) in expected {
            assert_eq!(file.headers().get(name).and_then(|value| value.to_str().ok()), Some(value), "{path} {name}");
        }
        assert!(file.headers()["permissions-policy"].to_str().unwrap().contains("microphone=()"));
        let tag = file.headers()[header::ETAG].clone();
        assert!(file.headers().get(header::CONTENT_ENCODING).is_none(), "{path}");
        for coding in ["gzip", "br"] {
            let packed =
                plain().get(world.relay().url(path)).header(header::ACCEPT_ENCODING, coding).send().await.unwrap();
            assert_eq!(
                (&packed.headers()[header::CONTENT_ENCODING], &packed.headers()[header::ETAG]),
                (&coding.parse().unwrap(), &tag)
            );
        }
        let again = plain().get(world.relay().url(path)).header(header::IF_NONE_MATCH, &tag).send().await.unwrap();
        assert_eq!((again.status(), &again.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &tag), "{path}");
        assert!(again.bytes().await.unwrap().is_empty(), "{path}");
    }
    ask(world.relay(), "GET", "/assets/none.js").send().await.problem(404, "not_found");
    ask(world.relay(), "POST", "/").send().await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_relay_without_the_client_sends_installed_ones_away() {
    let world = World::start_with(Backend::Embedded, &["--web=false".to_owned()]).await;
    for path in ["/", "/manifest.webmanifest", "/assets/main.js", "/icons/icon.svg"] {
        for method in [Method::GET, Method::OPTIONS] {
            let answer = plain().request(method, world.relay().url(path)).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
    let worker = plain().get(world.relay().url("/sw.js")).send().await.unwrap();
    assert_eq!(worker.headers()[header::CACHE_CONTROL], "no-cache");
    assert!(worker.text().await.unwrap().contains("registration.unregister()"));
}
