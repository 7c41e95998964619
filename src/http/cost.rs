//! What a route asks of a request before its handler runs: proof of who asks, and a place below a
//! rate limit. The route table declares both for every route.

use crate::admin::Right;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// Everybody.
    Public,
    /// A device that is logged in. The handler gets its identity.
    Device,
    /// The handler checks by itself, because what it does without a token depends on the request.
    Own,
    /// An operator with this right, over the listener for operators alone.
    Admin(Right),
}

/// The rate limit that a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// None: the answer asks neither SQL nor a queue.
    Free,
    /// The reads of the device.
    Read,
    /// The calls of the device: everything that changes something, and searches.
    Call,
    /// The exports of the user.
    Export,
    /// The new accounts of the client's address.
    Account,
    /// The logins of the client's address.
    Login,
    /// The refreshes of the client's address.
    Refresh,
}
