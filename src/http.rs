//! The HTTP interface, with one file for each resource. [`call`] is what every handler gets, and
//! [`answer`] is what it gives back.
//!
//! A handler never rejects, because warp would then try the remaining routes. It answers a fault
//! as a reply. Only the routing itself rejects, and [`answer::of_rejection`] turns those
//! rejections into problems.

mod accounts;
mod admin;
mod answer;
mod bans;
mod blocks;
mod browser;
mod call;
mod cors;
mod cost;
mod docs;
mod export;
mod friends;
mod gate;
mod idempotency;
mod invitations;
mod login;
mod me;
mod members;
mod operations;
mod origin;
mod password_resets;
mod presence;
mod proof;
mod receipts;
mod rooms;
mod route;
mod sessions;
mod settings;
mod socket;
mod totp;
mod users;
mod web;

use std::{convert::Infallible, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::{FutureExt, future::BoxFuture};
use http::Request;
use hyper::body::Incoming;
use tower_service::Service;
use warp::{Filter, Rejection, filters::BoxedFilter, reply::Response};

use crate::{app::App, metrics::Meter, refusal::Refusal};
use call::Call;
use gate::Gate;
use origin::Origin;
use route::{Route, Table, any_of, route};

/// Returns what answers requests: the routes behind the [`gate`].
pub fn service(
    app: &Arc<App>,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + Clone + Send + 'static
{
    Gate::new(app, warp::service(routes(app)))
}

/// Returns what answers operators: their routes behind the same gate.
pub fn admin_service(
    app: &Arc<App>,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + Clone + Send + 'static
{
    Gate::new(app, warp::service(recovered(app, admin::declared(app))))
}

fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    cors::with_cors(app, recovered(app, declared(app)))
}

/// Returns the routes with an answer for everything: the unknown path and the wrong method too.
fn recovered(app: &Arc<App>, route: Route) -> BoxedFilter<(Response,)> {
    let Route { filter, declared } = route;
    let table = Arc::new(Table::of(&declared));
    let counted = Arc::clone(app);
    let recovered = filter
        .or(route::options(&table))
        .unify()
        .recover(move |rejection: Rejection| {
            let app = Arc::clone(&counted);
            async move { Ok::<_, Infallible>(answer::of_rejection(&app, &rejection)) }
        })
        .unify()
        .boxed();
    route::with_allow(&table, recovered)
}

fn declared(app: &Arc<App>) -> Route {
    let mut routes = vec![
        accounts::routes(app),
        password_resets::routes(app),
        sessions::routes(app),
        me::routes(app),
        totp::routes(app),
        export::routes(app),
        settings::routes(app),
        users::routes(app),
        friends::routes(app),
        blocks::routes(app),
        members::routes(app),
        bans::routes(app),
        invitations::routes(app),
        presence::routes(app),
        receipts::routes(app),
        rooms::routes(app),
        socket::routes(app),
        operations::routes(app),
    ];
    if app.config.now().docs {
        routes.push(docs::routes(app));
    }
    routes.push(if app.config.now().web { web::routes(app) } else { web::farewell(app) });
    any_of(routes)
}

/// Marks an answer that its route has counted.
#[derive(Debug, Clone, Copy)]
struct Counted;

/// Runs a handler, turns its result into an answer, and counts that. `route` is its path, as for
/// `warp::path!`.
///
/// The handler's future is boxed first: what follows, a task of tokio's among it, is then compiled
/// once and not for every route.
fn run<F, Fut>(route: &'static str, meter: Arc<Meter>, handler: F, call: Call) -> BoxFuture<'static, Response>
where
    F: FnOnce(Call) -> Fut,
    Fut: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    let (app, changes, origin) = (Arc::clone(&call.app), call.changes_something(), call.origin(route));
    let started = Instant::now();
    let handled: BoxFuture<'static, Result<Response, Refusal>> = match call.refuse_token_in_url() {
        Ok(()) => Box::pin(handler(call)),
        Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
    };
    Box::pin(async move {
        let mut response = answered(app, changes, origin, handled).await;
        meter.answered(response.status().as_u16(), started.elapsed());
        response.extensions_mut().insert(Counted);
        response
    })
}

async fn answered(
    app: Arc<App>,
    changes: bool,
    origin: Origin,
    handled: BoxFuture<'static, Result<Response, Refusal>>,
) -> Response {
    let result = if changes {
        // A task of its own, because a client that goes away must not stop it half-way. That
        // would leave a login without a channel, or a new password beside the devices that the
        // old one let in.
        match app.tasks.spawn(handled).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => return gate::of_panic(&app),
            // The runtime ends.
            Err(_) => Err(Refusal::unavailable("the relay stops")),
        }
    } else {
        // Caught here and not by the gate, which does not know the route.
        match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(result) => result,
            Err(_panic) => return gate::of_panic(&app),
        }
    };
    result.unwrap_or_else(|refusal| {
        origin.record(&refusal);
        answer::of_refusal(&app, &refusal)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::{
        cost::{Auth, Cost},
        route::Declared,
        *,
    };
    use crate::{config::Settings, orders::Orders};

    /// Returns whether the path of a route, with `{}` for any segment, is that of the document or
    /// includes it.
    fn covers(route: &str, documented: &str) -> bool {
        let (route, documented): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), documented.split('/').collect());
        route.len() == documented.len() && route.iter().zip(&documented).all(|(a, b)| a == b || *a == "{}")
    }

    async fn relay() -> (tempfile::TempDir, Arc<App>) {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
        let settings = Settings { database: Some(database.into()), ..Settings::default() };
        (directory, Box::pin(crate::run::build(settings.into_config().unwrap())).await.unwrap())
    }

    async fn all_routes() -> Vec<Declared> {
        let (_directory, app) = relay().await;
        declared(&app).declared
    }

    /// Reads the head and the body of one answer.
    async fn answer_of(stream: &mut TcpStream) -> String {
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"}") {
            assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }

    async fn panics(call: Call) -> Result<Response, Refusal> {
        panic!("canary7f3a from {}", call.address());
    }

    /// A handler that changes something runs in a task of its own, and one that reads does not.
    #[tokio::test]
    async fn a_panic_is_counted_and_the_connection_goes_on() {
        let (_directory, app) = relay().await;
        let log = Log::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _logged = tracing::subscriber::set_default(lines);
        let routes = any_of([
            route!(&app, get, Public, Free, warp::path!("panics"), panics),
            route!(&app, post, Public, Free, warp::path!("panics"), panics),
            route!(&app, delete, Public, Free, warp::path!("panics"), panics),
        ]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let gate = Gate::new(&app, warp::service(routes.filter));
        let serving = tokio::spawn(crate::server::serve(Arc::clone(&app), listener, gate, Orders::default()));
        for (before, method) in (0..).zip(["GET", "POST", "DELETE", "GET"]) {
            assert_eq!(app.metrics.panics.get(), before);
            let request = format!("{method} /panics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = answer_of(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("urn:ferry:error:internal"), "{answer}");
            assert!(!answer.contains("canary7f3a"), "{answer}");
        }
        assert_eq!(app.metrics.panics.get(), 4);
        serving.abort();
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("a handler panicked").count(), 4, "{log}");
        assert!(!log.contains("canary7f3a"), "{log}");
    }

    /// What is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Each route with each class of answers, eight nsqds, and every code there is.
    #[tokio::test]
    async fn a_relay_has_a_limited_number_of_series() {
        let (_directory, app) = relay().await;
        let (metrics, moment) = (&app.metrics, std::time::Duration::ZERO);
        let classes = [101, 200, 304, 404, 503];
        for Declared { method, path, .. } in declared(&app).declared {
            let meter = metrics.requests.route(&method, &path);
            classes.iter().for_each(|status| meter.answered(*status, moment));
        }
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "CANARY"] {
            classes.iter().for_each(|status| metrics.requests.other(method).answered(*status, moment));
        }
        for node in (0..8).map(|node| format!("10.0.0.{node}:4150")) {
            for outcome in ["confirmed", "unavailable", "refused"] {
                metrics.publishes.with_label_values(&[node.as_str(), outcome]);
            }
            let crate::metrics::Nodes { up, devices, queued_messages, queued_bytes, largest_queue, misconfigured } =
                &metrics.nodes;
            for gauges in [up, devices, queued_messages, queued_bytes, largest_queue] {
                gauges.with_label_values(&[node.as_str()]);
            }
            for option in ferry_broker::OPTIONS {
                misconfigured.with_label_values(&[node.as_str(), option]);
            }
        }
        // As many as there are in `ErrorCode` and `CloseCode`, and more.
        for code in (0..40).map(|code| code.to_string()) {
            metrics.errors.with_label_values(&[&code]);
            metrics.closes.with_label_values(&[&code]);
        }
        let text = String::from_utf8(metrics.render()).unwrap();
        let series = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!((500..=1_500).contains(&series), "{series} series");
    }

    #[tokio::test]
    async fn the_document_has_every_route_and_no_other() {
        let routes: BTreeSet<(String, String)> =
            all_routes().await.into_iter().map(|route| (route.method, route.path)).collect();
        let document: serde_json::Value = serde_json::from_str(docs::DOCUMENT).unwrap();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            for method in operations.as_object().unwrap().keys() {
                documented.insert((method.to_ascii_uppercase(), path.clone()));
            }
        }
        let missing: Vec<_> = routes.difference(&documented).collect();
        assert!(missing.is_empty(), "routes that docs/openapi.json does not have: {missing:?}");
        for (method, path) in &documented {
            let is_there = routes.iter().any(|(taken, route)| taken == method && covers(route, path));
            assert!(is_there, "docs/openapi.json has {method} {path}, and no route takes it");
        }
    }

    #[tokio::test]
    async fn every_change_is_limited_and_the_document_says_who_may_call() {
        let document: serde_json::Value = serde_json::from_str(docs::DOCUMENT).unwrap();
        for Declared { method, path, auth, cost } in all_routes().await {
            assert!(method == "GET" || cost != Cost::Free, "{method} {path} has no limit on its rate");
            assert!(auth != Auth::Public || cost != Cost::Call, "{method} {path}: nobody's calls can be counted");
            let described = document["paths"].as_object().unwrap().iter().find(|(documented, _)| {
                let segments =
                    documented.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
                segments.collect::<Vec<_>>().join("/") == path
            });
            let Some((_, operations)) = described else { continue };
            let security = operations[method.to_ascii_lowercase()]["security"].as_array();
            let is_open = security.is_some_and(|ways| ways.is_empty() || ways.contains(&serde_json::json!({})));
            if auth != Auth::Own {
                assert_eq!(is_open, auth == Auth::Public, "{method} {path}: what docs/openapi.json says of `security`");
            }
        }
    }
}
