//! The errors, separated by what the caller can do about them.

use ferry_protocol::{CloseCode, ErrorCode, ErrorFrame, LinkEnd, Problem};

/// The reason why a call failed. None of the texts contains a token, a password or a message body.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The relay answered with an error. Act on `code`.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The relay did not answer in time, or cannot be reached. It is not known whether the call
    /// took effect.
    #[error("cannot reach the relay: {0}")]
    Network(String),
    /// The device was logged out, because the relay rejects its refresh token. Log in again.
    #[error("this device is logged out")]
    LoggedOut,
    /// The answer is not one that a relay of this version gives.
    #[error("the server does not answer like a Ferry relay: {0}")]
    Protocol(String),
    /// New credentials could not be stored. They are not used until they are; the next call tries
    /// again.
    #[error("cannot keep the new credentials: {0}")]
    Store(#[source] std::io::Error),
    /// The caller could not take the parts of a long answer.
    #[error("cannot write the answer: {0}")]
    Sink(#[source] std::io::Error),
    /// The base URL is not `http://…` or `https://…`, or it contains a user, a query or a
    /// fragment.
    #[error("not the address of a relay: {0}")]
    BadUrl(String),
    /// TLS cannot be set up on this machine, for example because it has no root certificates.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl ClientError {
    /// Returns the code of the relay's answer, if there was an answer.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }

    /// Returns the HTTP status of the relay's answer, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// Returns true if the same call may succeed later without any change.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.code.is_temporary(),
            Self::Network(_) => true,
            _ => false,
        }
    }
}

/// The reason why a message was not sent over the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The relay rejected it for good. (After a temporary error the library tries again by
    /// itself.)
    #[error("{} ({})", .0.message, .0.code.as_str())]
    Refused(ErrorFrame),
    /// The frame would be longer than the relay accepts.
    #[error("the message is too long: its frame has {size} bytes, and the relay takes {limit}")]
    TooLarge {
        /// The length of the frame, in bytes.
        size: usize,
        /// The relay's limit, in bytes, told in `welcome`.
        limit: usize,
    },
    /// A message with this id is in the outbox already.
    #[error("a message with this id is being sent")]
    IdInUse,
    /// The connection ended for good before an answer came. The message may have been sent in
    /// spite of that.
    #[error("the connection is closed: {0}")]
    Closed(ClosedReason),
}

/// The reason why a connection ended for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClosedReason {
    /// The caller called [`Connection::close`](crate::Connection::close), or dropped
    /// [`Events`](crate::Events).
    #[error("closed by this program")]
    Local,
    /// The device was logged out.
    #[error("this device is logged out")]
    LoggedOut,
    /// Another socket of the same device took over.
    #[error("another connection of this device took over")]
    Replaced,
    /// The account was deleted.
    #[error("the account is deleted")]
    AccountGone,
    /// The relay does not speak this version of the protocol.
    #[error("the relay does not speak this version of the protocol")]
    Version,
    /// The relay closed the socket with another code after which reconnecting is of no use.
    #[error("the relay closed the socket: {}", describe_close(*.0))]
    Refused(u16),
}

/// Returns a close code in words.
pub(crate) fn describe_close(code: u16) -> String {
    use CloseCode as C;
    let known = [C::GoingAway, C::Slow, C::NoPong, C::TokenExpired, C::BrokerUnavailable, C::Rate, C::Protocol];
    match known.into_iter().find(|known| known.as_u16() == code) {
        Some(known) => format!("{} ({code})", known.reason()),
        None => format!("code {code}"),
    }
}
/// The reason why there is no link, or why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The relay carries no links.
    #[error("this relay carries no links between devices")]
    Unsupported,
    /// The socket is not open, or it was lost. A link does not outlive it. Open another link when
    /// the socket is open again.
    #[error("there is no connection to the relay")]
    NotConnected,
    /// This connection has a link or an offer already.
    #[error("this device has a link already")]
    Busy,
    /// The relay has ended the link or the offer.
    #[error("{0}")]
    Closed(LinkEnd),
    /// The other device sent what no device of this version sends.
    #[error("the other device does not keep to the protocol: {0}")]
    Protocol(&'static str),
}
