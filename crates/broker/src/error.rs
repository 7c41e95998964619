//! Errors of a broker.

use ferry_protocol::UserId;

/// Why the broker could not do what was asked. For a publish the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The user's home does not answer, or too many publishes wait for it. Try again later.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
    /// The broker rejects the call, and would reject it again.
    #[error("broker refused: {0}")]
    Refused(String),
}

impl BrokerError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// A payload that was not published.
#[derive(Debug)]
pub struct Undelivered {
    /// The user who may not have it.
    pub user: UserId,
    /// The reason.
    pub error: BrokerError,
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// Another subscription has the channel.
    #[error("another subscription has the channel")]
    Busy,
    /// The broker could not do it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The end of a subscription: its channel was deleted, or its connection was lost. Unfinished
/// deliveries come again.
#[derive(Debug, thiserror::Error)]
#[error("subscription ended: {0}")]
pub struct Ended(pub String);

/// Returns an error that says why a node does not answer.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}
