//! A route knows its method and path, so that a path can say which methods it takes: in the header
//! `Allow`, and in the answer to OPTIONS. A test compares the routes with `docs/openapi.json`.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderValue, Method, StatusCode, header};
use warp::{
    Filter, Rejection,
    filters::{BoxedFilter, path::FullPath},
    reply::{Reply, Response},
};

use super::cost::{Auth, Cost};

/// The filter of one or several routes, and what each declares.
pub(super) struct Route {
    pub(super) filter: BoxedFilter<(Response,)>,
    pub(super) declared: Vec<Declared>,
}

/// A method on a path, with what it asks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// The method, in upper case.
    pub(super) method: String,
    /// The path as in a URL, with `{}` for any segment.
    pub(super) path: String,
    /// Who may call it.
    pub(super) auth: Auth,
    /// The limit that it counts against.
    pub(super) cost: Cost,
}

impl Route {
    /// Creates a route. `path` is written as for `warp::path!`: `"v1" / "rooms" / String`.
    pub(super) fn new(method: &str, path: &str, auth: Auth, cost: Cost, filter: BoxedFilter<(Response,)>) -> Self {
        let (method, path) = (method.to_ascii_uppercase(), path_of(path));
        Self { filter, declared: vec![Declared { method, path, auth, cost }] }
    }
}

/// Returns a path as in a URL, with `{}` for any segment, of one as for `warp::path!`.
pub(super) fn path_of(path: &str) -> String {
    if path.is_empty() {
        return "/".to_owned();
    }
    let segments = path.split('/').map(|segment| match segment.trim() {
        "String" => "{}",
        literal => literal.trim_matches('"'),
    });
    segments.fold(String::new(), |path, segment| path + "/" + segment)
}

/// Declares one route: method, who may call it, what it counts against, path, handler.
///
/// A route that leaves out who may call it or what it costs does not compile. Nor does a handler
/// that needs an identity behind a route that asks for none. The path comes before the method in
/// the filter, so that a wrong method on a known path is told apart from an unknown path.
macro_rules! route {
    ($app:expr, $method:ident, Device, $cost:ident, warp::path!($($path:tt)*), $handler:path $(, $argument:ident)*) => {
        $crate::http::route::route!(@ $app, $method, Device, $cost, ($($path)*), ($($argument),*), |call: Call| async move {
            let who = call.device($crate::http::cost::Cost::$cost).await?;
            $handler(call, who $(, $argument)*).await
        })
    };
    ($app:expr, $method:ident, Admin($right:ident), warp::path!($($path:tt)*), $handler:path $(, $argument:ident)*) => {
        $crate::http::route::route!(@ $app, $method, Admin($crate::admin::Right::$right), Free, ($($path)*), ($($argument),*), |call: Call| async move {
            let by = $crate::http::admin::right::administrator(&call, $crate::admin::Right::$right).await?;
            $handler(call, by $(, $argument)*).await
        })
    };
    ($app:expr, $method:ident, Public, $cost:ident, warp::path!($($path:tt)*), $handler:path $(, $argument:ident)*) => {
        $crate::http::route::route!(@ $app, $method, Public, $cost, ($($path)*), ($($argument),*), |call: Call| async move {
            call.refuse_foreign_page()?;
            call.charge($crate::http::cost::Cost::$cost, None)?;
            $handler(call $(, $argument)*).await
        })
    };
    ($app:expr, $method:ident, Own, $cost:ident, warp::path!($($path:tt)*), $handler:path $(, $argument:ident)*) => {
        $crate::http::route::route!(@ $app, $method, Own, $cost, ($($path)*), ($($argument),*), |call: Call| async move {
            $handler(call $(, $argument)*).await
        })
    };
    (@ $app:expr, $method:ident, $auth:ident $(($right:expr))?, $cost:ident, ($($path:tt)*), ($($argument:ident),*), |$call:ident: Call| $run:expr) => {{
        use warp::Filter as _;
        let (method, path) = (stringify!($method), stringify!($($path)*));
        let meter = $app.metrics.requests.route(method, &$crate::http::route::path_of(path));
        let filter = warp::path!($($path)*)
            .and(warp::$method())
            .and($crate::http::call::call($app))
            .then(move |$($argument: String,)* call| {
                let meter = std::sync::Arc::clone(&meter);
                $crate::http::run(stringify!($($path)*), meter, move |$call: $crate::http::call::Call| $run, call)
            })
            .boxed();
        let (auth, cost) = ($crate::http::cost::Auth::$auth $(($right))?, $crate::http::cost::Cost::$cost);
        $crate::http::Route::new(method, path, auth, cost, filter)
    }};
}
pub(super) use route;

/// Joins routes without nesting their types deeper with each.
pub(super) fn any_of(routes: impl IntoIterator<Item = Route>) -> Route {
    let none = || warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed();
    let mut routes = routes.into_iter();
    let first = routes.next().unwrap_or_else(|| Route { filter: none(), declared: Vec::new() });
    routes.fold(first, |mut all, route| {
        all.declared.extend(route.declared);
        Route { filter: all.filter.or(route.filter).unify().boxed(), declared: all.declared }
    })
}

/// The methods that each path takes.
pub(super) struct Table(BTreeMap<String, Vec<String>>);

/// The methods, in the order in which `Allow` names them.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Table {
    pub(super) fn of(declared: &[Declared]) -> Self {
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Declared { method, path, .. } in declared {
            paths.entry(path.clone()).or_default().push(method.clone());
        }
        Self(paths)
    }

    /// Returns what `Allow` says of a path, or `None` if the path is unknown. If several routes
    /// fit, the one with the fewest parameters counts.
    pub(super) fn allow(&self, path: &str) -> Option<HeaderValue> {
        let fitting = self.0.iter().filter(|(template, _)| fits(template, path));
        let (_, takes) = fitting.min_by_key(|(template, _)| template.matches("{}").count())?;
        let mut names: Vec<&str> = Vec::new();
        for method in METHODS.into_iter().filter(|method| takes.iter().any(|taken| taken == method)) {
            names.push(method);
            if method == "GET" {
                names.push("HEAD");
            }
        }
        names.push("OPTIONS");
        HeaderValue::from_str(&names.join(", ")).ok()
    }
}

/// Returns whether a path fits the template.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("{}"), Some(segment)) if !segment.is_empty() => {}
            (Some(literal), Some(segment)) if literal == segment => {}
            _ => return false,
        }
    }
}

/// Answers OPTIONS on every known path. Rejects everything else as not found, which never hides
/// the answer of another route.
pub(super) fn options(table: &Arc<Table>) -> BoxedFilter<(Response,)> {
    let table = Arc::clone(table);
    let answer = move |method: Method, path: FullPath| {
        let allow = (method == Method::OPTIONS).then(|| table.allow(path.as_str())).flatten();
        async move {
            let mut response = StatusCode::NO_CONTENT.into_response();
            response.headers_mut().insert(header::ALLOW, allow.ok_or_else(warp::reject::not_found)?);
            Ok::<_, Rejection>(response)
        }
    };
    warp::method().and(warp::path::full()).and_then(answer).boxed()
}

/// Adds the header `Allow` to an answer that rejects a method (RFC 9110 §15.5.6).
pub(super) fn with_allow(table: &Arc<Table>, routes: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    let table = Arc::clone(table);
    let mark = move |path: FullPath, mut response: Response| {
        if response.status() == StatusCode::METHOD_NOT_ALLOWED
            && let Some(allow) = table.allow(path.as_str())
        {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    };
    warp::path::full().and(routes).map(mark).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(path: &str) -> Option<String> {
        let takes = [
            ("POST", r#""v1" / "sessions" / "refresh""#),
            ("delete", r#""v1" / "sessions" / String"#),
            ("get", r#""v1" / "sessions""#),
            ("post", r#""v1" / "sessions""#),
        ];
        let none = || any_of([]).filter;
        let route = |(method, path): &(&str, &str)| Route::new(method, path, Auth::Public, Cost::Free, none()).declared;
        let declared: Vec<Declared> = takes.iter().flat_map(route).collect();
        Table::of(&declared).allow(path).map(|allow| allow.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_path_says_which_methods_it_takes() {
        assert_eq!(allowed("/v1/sessions").as_deref(), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(allowed("/v1/sessions/refresh").as_deref(), Some("POST, OPTIONS"));
        assert_eq!(allowed("/v1/sessions/current").as_deref(), Some("DELETE, OPTIONS"));
        for unknown in ["", "/", "*", "/v1", "/v1/sessions/", "/v1/sessions//", "//v1/sessions", "/v1/sessions/a/b"] {
            assert_eq!(allowed(unknown), None, "{unknown}");
        }
    }
}
