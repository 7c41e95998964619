//! Where a request comes from, for the log of security events.

use std::sync::{Arc, OnceLock};

use ferry_protocol::{ErrorCode, RoomId};
use http::Method;

use super::route::path_of;
use crate::{
    audit::{self, Event},
    identity::Authenticated,
    network::Network,
    refusal::Refusal,
};

/// See the module's description.
pub(super) struct Origin {
    /// The path of the route, as for `warp::path!`.
    pub(super) route: &'static str,
    pub(super) method: Method,
    pub(super) network: Network,
    /// The room that the path names.
    pub(super) room: Option<RoomId>,
    /// Who asks, once that is known.
    pub(super) who: Arc<OnceLock<Authenticated>>,
    /// Whether it came over the listener for operators.
    pub(super) is_operator: bool,
}

impl Origin {
    /// Logs a request that was rejected, if that is a security event.
    pub(super) fn record(&self, refusal: &Refusal) {
        let (who, network) = (self.who.get().copied().map(Into::into), self.network);
        let path = path_of(self.route);
        let is_login = self.method == Method::POST && path == "/v1/sessions";
        let route = format!("{} {path}", self.method);
        let event = match refusal.code {
            ErrorCode::Unauthorized if self.is_operator => Event::AdminFailed { route, network },
            ErrorCode::RateLimited if is_login => Event::LoginLocked { network },
            ErrorCode::RateLimited => Event::RateLimited { who, route, network: Some(network) },
            code if code.status() == 403 => {
                Event::Refused { who, room: self.room, code, route, network: Some(network) }
            }
            ErrorCode::TokenInUrl => Event::MalformedRequest { reason: "a token in the URL".to_owned(), network },
            _ => return,
        };
        audit::record(event);
    }
}
