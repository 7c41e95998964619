//! A route knows its method and path, so that a path can say which methods it takes: in the header `Allow`, and to OPTIONS. A test holds the
//! same against `docs/openapi.json`.

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderValue, Method, StatusCode, header};
use warp::{
    Filter, Rejection,
    filters::{BoxedFilter, path::FullPath},
    reply::{Reply, Response},
};

/// The filter of one route or of several, and what it takes.
pub(super) struct Route {
    pub(super) filter: BoxedFilter<(Response,)>,
    pub(super) takes: Vec<Takes>,
}

/// A method on a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Takes {
    /// In upper case.
    pub(super) method: String,
    /// As in a URL, with `{}` for what may be any one segment.
    pub(super) path: String,
}

impl Route {
    /// `path` in the words of `warp::path!`: `"v1" / "rooms" / String`.
    pub(super) fn new(method: &str, path: &str, filter: BoxedFilter<(Response,)>) -> Self {
        let segments = path.split('/').map(|segment| match segment.trim() {
            "String" => "{}",
            literal => literal.trim_matches('"'),
        });
        let path = segments.fold(String::new(), |path, segment| path + "/" + segment);
        Self { filter, takes: vec![Takes { method: method.to_ascii_uppercase(), path }] }
    }
}

/// One route: a method on a path. The path comes first, so that a wrong method on a known path is told apart from an unknown path.
macro_rules! route {
    ($app:expr, $method:ident, warp::path!($($path:tt)*), $handler:path $(, $argument:ident)*) => {{
        use warp::Filter as _;
        let filter = warp::path!($($path)*)
            .and(warp::$method())
            .and($crate::http::call::call($app))
            .then(|$($argument: String,)* call| {
                $crate::http::run(move |call| $handler(call $(, $argument)*), call)
            })
            .boxed();
        $crate::http::Route::new(stringify!($method), stringify!($($path)*), filter)
    }};
}
pub(super) use route;

/// Joins routes without nesting their types deeper with each.
pub(super) fn any_of(routes: impl IntoIterator<Item = Route>) -> Route {
    let none = || warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed();
    let mut routes = routes.into_iter();
    let first = routes.next().unwrap_or_else(|| Route { filter: none(), takes: Vec::new() });
    routes.fold(first, |mut all, route| {
        all.takes.extend(route.takes);
        Route { filter: all.filter.or(route.filter).unify().boxed(), takes: all.takes }
    })
}

/// Which methods each path takes.
pub(super) struct Table(BTreeMap<String, Vec<String>>);

/// In the order in which they are named.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl Table {
    pub(super) fn of(takes: &[Takes]) -> Self {
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Takes { method, path } in takes {
            paths.entry(path.clone()).or_default().push(method.clone());
        }
        Self(paths)
    }

    /// What `Allow` says of a path; none for one that is not known. Where several routes fit, the one with the fewest parameters counts.
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

/// Whether a path is one of the template's, by the rules of the routes: they do not mind one slash at the end.
fn fits(template: &str, path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
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

/// Answers OPTIONS on every known path. Rejects all else as not found, which never hides what another route has to say.
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

/// Says which methods there are where one was refused (RFC 9110 §15.5.6).
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
        let takes: Vec<Takes> =
            takes.iter().flat_map(|(method, path)| Route::new(method, path, none()).takes).collect();
        Table::of(&takes).allow(path).map(|allow| allow.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_path_says_which_methods_it_takes() {
        assert_eq!(allowed("/v1/sessions").as_deref(), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(allowed("/v1/sessions/").as_deref(), Some("GET, HEAD, POST, OPTIONS"));
        assert_eq!(allowed("/v1/sessions/refresh").as_deref(), Some("POST, OPTIONS"));
        assert_eq!(allowed("/v1/sessions/current").as_deref(), Some("DELETE, OPTIONS"));
        for unknown in ["", "/", "*", "/v1", "/v1/sessions//", "//v1/sessions", "/v1/sessions/a/b"] {
            assert_eq!(allowed(unknown), None, "{unknown}");
        }
    }
}
