//! Builds answers. Every error is a problem (RFC 9457) with a stable code, whatever it came from.

use ferry_protocol::ErrorCode;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use warp::{Rejection, Reply, reply::Response};

use crate::{app::App, refusal::Refusal};

/// Answers with a body in JSON.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let mut response = warp::reply::json(body).into_response();
    *response.status_mut() = status;
    // No cache may store lists of devices and users.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers 200 with a body.
pub fn ok<T: Serialize>(body: &T) -> Response {
    json(StatusCode::OK, body)
}

/// Answers 204.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// Answers with a refusal.
pub fn of_refusal(app: &App, refusal: &Refusal) -> Response {
    app.metrics.errors.with_label_values(&[refusal.code.as_str()]).inc();
    let problem = refusal.to_problem();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &problem);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal.code {
        ErrorCode::Unauthorized | ErrorCode::CodeNeeded | ErrorCode::CodeWrong => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        ErrorCode::TooLarge => {
            // The rest of the body is not read, so nothing that follows on this connection could
            // be read either. The client must know that.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        ErrorCode::UpgradeRequired => {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        _ => {}
    }
    response
}

/// Returns the refusal of a method that the path does not take.
pub fn wrong_method() -> Refusal {
    Refusal::new(ErrorCode::MethodNotAllowed, "this path does not take this method")
}

/// Answers a rejection of the routing.
pub fn of_rejection(app: &App, rejection: &Rejection) -> Response {
    let refusal = if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        wrong_method()
    } else if rejection.is_not_found() {
        Refusal::not_found()
    } else {
        // No filter makes a rejection of any other kind. If one ever does, the log says so.
        tracing::error!("a rejection of an unknown kind");
        Refusal::internal()
    };
    of_refusal(app, &refusal)
}
