//! TLS to a PostgreSQL with certificates that are right, expired, of another authority and of
//! another host.

use std::path::Path;

use ferry_testkit::{Authority, Postgres, Validity, until};

use crate::{Store, StoreOptions, inspect};

/// Opens the store with this mode, and returns the error.
async fn error(server: &Postgres, mode: &str, roots: &Path) -> Option<String> {
    let options = StoreOptions { database_ca: Some(roots.to_owned()), ..StoreOptions::default() };
    let url = format!("{}?sslmode={mode}", server.url);
    let opened = Box::pin(Store::open(&url, options)).await;
    opened.err().map(|error| error.to_string())
}

/// Waits until each mode has this outcome: the server takes a new certificate a moment after it
/// was told.
async fn until_modes(server: &Postgres, roots: &Path, wanted: [(&str, Option<&str>); 3]) {
    for (mode, said) in wanted {
        until(&format!("{mode}: {said:?}"), || async {
            match (error(server, mode, roots).await, said) {
                (None, None) => Some(()),
                (Some(error), Some(said)) => error.contains(said).then_some(()),
                _ => None,
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_right_certificate_is_taken() {
    let (server, authority, stranger) =
        (Postgres::start().unwrap(), Authority::new().unwrap(), Authority::new().unwrap());
    let roots = authority.roots();
    let of = |what: &'static str| [("require", Some(what)), ("verify-full", Some(what)), ("verify-ca", Some(what))];

    until_modes(&server, &roots, of("does not support TLS")).await;

    server.use_certificate(&authority.issue("IP:127.0.0.1", Validity::Today).unwrap());
    until_modes(&server, &roots, [("require", None), ("verify-full", None), ("verify-ca", None)]).await;
    let url = format!("{}?sslmode=verify-full", server.url);
    assert!(inspect(&url, Some(&roots)).await.unwrap().server.unwrap().tls);
    // Without a mode there is no TLS, as before.
    assert!(!inspect(&server.url, None).await.unwrap().server.unwrap().tls);
    // Nobody of this machine's roots knows this authority.
    let opened = Store::open(&url, StoreOptions::default()).await;
    assert!(opened.is_err(), "the roots of the system know a certificate of a test");

    server.use_certificate(&authority.issue("DNS:other.example", Validity::Today).unwrap());
    let name = "not valid for name";
    until_modes(&server, &roots, [("require", Some(name)), ("verify-full", Some(name)), ("verify-ca", None)]).await;

    server.use_certificate(&authority.issue("IP:127.0.0.1", Validity::Expired).unwrap());
    until_modes(&server, &roots, of("expired")).await;

    server.use_certificate(&stranger.issue("IP:127.0.0.1", Validity::Today).unwrap());
    // It calls itself as the right one does, and has another key.
    until_modes(&server, &roots, of("BadSignature")).await;
}

/// A store that is open goes on when the server gets a new certificate, and is unavailable while
/// that one is not right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_goes_wrong_is_unavailable_and_has_words() {
    let (server, authority) = (Postgres::start().unwrap(), Authority::new().unwrap());
    server.use_certificate(&authority.issue("IP:127.0.0.1", Validity::Today).unwrap());
    let options = StoreOptions { database_ca: Some(authority.roots()), ..StoreOptions::default() };
    let url = format!("{}?sslmode=verify-full", server.url);
    let store = until("the server has TLS", || async { Store::open(&url, options.clone()).await.ok() }).await;
    server.use_certificate(&authority.issue("IP:127.0.0.1", Validity::Expired).unwrap());
    server.stop();
    server.start_again();
    // The first calls may find connections that the server has closed.
    until("a new connection is refused", || async {
        let refused = store.ping().await.err()?;
        assert!(matches!(refused, crate::StoreError::Unavailable(_)), "{refused:?}");
        (refused.in_words() == "its certificate is not valid: see the log").then_some(())
    })
    .await;
    server.use_certificate(&authority.issue("IP:127.0.0.1", Validity::Today).unwrap());
    until("the store is back", || async { store.ping().await.ok() }).await;
}
