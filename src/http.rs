//! The HTTP interface: a file a resource; [`call`] is what every handler gets, [`answer`] what it gives back.
//!
//! A handler never rejects: in warp a rejection makes the remaining routes try. What is wrong is answered as a reply, and the only
//! rejections left, those of the routing itself, become problems in [`answer::of_rejection`].

mod accounts;
mod answer;
mod call;
mod cors;
mod invitations;
mod me;
mod members;
mod operations;
mod presence;
mod rooms;
mod sessions;
mod socket;
mod users;

use std::{future::Future, sync::Arc};

use warp::{Filter, Rejection, filters::BoxedFilter, reply::Response};

use crate::{app::App, refusal::Refusal};
use call::Call;

type Route = BoxedFilter<(Response,)>;

/// All routes.
pub fn routes(app: &Arc<App>) -> Route {
    let routes = accounts::routes(app)
        .or(sessions::routes(app))
        .unify()
        .or(me::routes(app))
        .unify()
        .or(users::routes(app))
        .unify()
        .or(members::routes(app))
        .unify()
        .or(invitations::routes(app))
        .unify()
        .or(presence::routes(app))
        .unify()
        .or(rooms::routes(app))
        .unify()
        .or(socket::routes(app))
        .unify()
        .or(operations::routes(app))
        .unify()
        .boxed();
    let counted = Arc::clone(app);
    let recovered = routes
        .recover(move |rejection: Rejection| {
            let app = Arc::clone(&counted);
            async move { Ok::<_, std::convert::Infallible>(answer::of_rejection(&app, &rejection)) }
        })
        .unify()
        .boxed();
    cors::with_cors(app, recovered)
}

/// Runs a handler and turns what it gives into an answer.
async fn run<F, Fut>(handler: F, call: Call) -> Response
where
    F: FnOnce(Call) -> Fut,
    Fut: Future<Output = Result<Response, Refusal>> + Send + 'static,
{
    let app = Arc::clone(&call.app);
    let result = match call.refuse_token_in_url() {
        Ok(()) if call.changes_something() => {
            // As a task of its own: a client that goes away must not leave a login without a channel, or a new password beside the
            // devices that the old one let in.
            let task = app.tasks.spawn(handler(call));
            task.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a handler failed");
                Err(Refusal::internal())
            })
        }
        Ok(()) => handler(call).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| answer::of_refusal(&app, &refusal))
}

/// One route: a method on a path. The path comes first, so that a wrong method on a known path is told apart from an unknown path.
macro_rules! route {
    ($app:expr, $method:ident, $path:expr, $handler:path $(, $argument:ident)*) => {{
        use warp::Filter as _;
        $path
            .and(warp::$method())
            .and($crate::http::call::call($app))
            .then(|$($argument: String,)* call| {
                $crate::http::run(move |call| $handler(call $(, $argument)*), call)
            })
            .boxed()
    }};
}
use route;

/// Joins routes of one type without nesting it deeper with each.
fn any_of(routes: impl IntoIterator<Item = Route>) -> Route {
    let mut routes = routes.into_iter();
    let first =
        routes.next().unwrap_or_else(|| warp::any().and_then(|| async { Err(warp::reject::not_found()) }).boxed());
    routes.fold(first, |all, route| all.or(route).unify().boxed())
}
