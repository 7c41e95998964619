//! What can go wrong, told apart by what the caller can do about it.

use ferry_protocol::{ErrorCode, ErrorFrame, Problem};

use crate::ClosedReason;

/// Why a call failed. None of the texts holds a token, a password or a message body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The relay answered, and refused. Act on `code`.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The relay did not answer in time, or cannot be reached. Whether the call took effect is unknown.
    #[error("cannot reach the relay: {0}")]
    Network(String),
    /// The device was logged out: its refresh token is refused. Log in again.
    #[error("this device is logged out")]
    LoggedOut,
    /// The answer is none that a relay of this version gives.
    #[error("the server does not answer like a Ferry relay: {0}")]
    Protocol(String),
    /// New credentials could not be kept. They are not used before they are; the next call tries again.
    #[error("cannot keep the new credentials: {0}")]
    Store(#[source] std::io::Error),
    /// The base URL is not `http://…` or `https://…`, or holds a user, a query or a fragment.
    #[error("not the address of a relay: {0}")]
    BadUrl(String),
    /// TLS cannot be set up on this machine, for instance because it has no root certificates.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl ClientError {
    /// The code of the relay's answer, where it gave one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// The HTTP status of the relay's answer, where it gave one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// True where the same call may succeed later with nothing changed.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.code.is_temporary(),
            Self::Network(_) => true,
            _ => false,
        }
    }
}

/// Why a message was not sent over the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The relay refused it for good. (What it refuses for a while, the library tries again by itself.)
    #[error("{} ({})", .0.message, .0.code.as_str())]
    Refused(ErrorFrame),
    /// The frame would be longer than the relay takes: `limit` bytes, told in `welcome`.
    #[error("the message is too long: its frame has {size} bytes, and the relay takes {limit}")]
    TooLarge {
        /// The frame's length, bytes.
        size: usize,
        /// The relay's limit, bytes.
        limit: usize,
    },
    /// A message with this id is in the outbox already.
    #[error("a message with this id is being sent")]
    IdInUse,
    /// The connection ended for good before an answer came. The message may have been sent all the same.
    #[error("the connection is closed: {0}")]
    Closed(ClosedReason),
}
