//! The HTTP interface: a file a resource; [`call`] is what every handler gets, [`answer`] what it gives back.
//!
//! A handler never rejects: in warp a rejection makes the remaining routes try. What is wrong is answered as a reply, and the only
//! rejections left, those of the routing itself, become problems in [`answer::of_rejection`].

mod accounts;
mod answer;
mod blocks;
mod call;
mod cors;
mod docs;
mod friends;
mod invitations;
mod me;
mod members;
mod operations;
mod presence;
mod receipts;
mod rooms;
mod route;
mod sessions;
mod settings;
mod socket;
mod users;

use std::{future::Future, sync::Arc};

use warp::{Filter, Rejection, filters::BoxedFilter, reply::Response};

use crate::{app::App, refusal::Refusal};
use call::Call;
use route::{Route, Table, any_of, route};

/// All routes.
pub fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let Route { filter, takes } = declared(app);
    let table = Arc::new(Table::of(&takes));
    let counted = Arc::clone(app);
    let recovered = filter
        .or(route::options(&table))
        .unify()
        .recover(move |rejection: Rejection| {
            let app = Arc::clone(&counted);
            async move { Ok::<_, std::convert::Infallible>(answer::of_rejection(&app, &rejection)) }
        })
        .unify()
        .boxed();
    cors::with_cors(app, route::with_allow(&table, recovered))
}

fn declared(app: &Arc<App>) -> Route {
    let mut routes = vec![
        accounts::routes(app),
        sessions::routes(app),
        me::routes(app),
        settings::routes(app),
        users::routes(app),
        friends::routes(app),
        blocks::routes(app),
        members::routes(app),
        invitations::routes(app),
        presence::routes(app),
        receipts::routes(app),
        rooms::routes(app),
        socket::routes(app),
        operations::routes(app),
    ];
    if app.config.docs {
        routes.push(docs::routes(app));
    }
    any_of(routes)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{route::Takes, *};
    use crate::config::Settings;

    /// Whether the path of a route, with `{}` for any segment, is that of the document or has it among others.
    fn covers(route: &str, documented: &str) -> bool {
        let (route, documented): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), documented.split('/').collect());
        route.len() == documented.len() && route.iter().zip(&documented).all(|(a, b)| a == b || *a == "{}")
    }

    #[tokio::test]
    async fn the_document_has_every_route_and_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", directory.path().join("ferry.db").display());
        let settings = Settings { database: Some(database.into()), ..Settings::default() };
        let app = crate::run::build(settings.into_config().unwrap()).await.unwrap();
        let routes: BTreeSet<Takes> = declared(&app).takes.into_iter().collect();

        let document: serde_json::Value = serde_json::from_str(docs::DOCUMENT).unwrap();
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            for method in operations.as_object().unwrap().keys() {
                documented.insert(Takes { method: method.to_ascii_uppercase(), path: path.clone() });
            }
        }
        let missing: Vec<&Takes> = routes.difference(&documented).collect();
        assert!(missing.is_empty(), "routes that docs/openapi.json does not have: {missing:?}");
        for Takes { method, path } in &documented {
            let is_there = routes.iter().any(|route| route.method == *method && covers(&route.path, path));
            assert!(is_there, "docs/openapi.json has {method} {path}, and no route takes it");
        }
    }
}
