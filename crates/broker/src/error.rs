//! What can go wrong in a broker.

/// The broker could not do it. For a publish, the outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The user's home does not answer, or its queue of waiting publishes is full. Trying again later may help.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
    /// The broker refused it, and will again.
    #[error("broker refused: {0}")]
    Refused(String),
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// Another subscription has the channel.
    #[error("another subscription has the channel")]
    Busy,
    /// See there.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The subscription is over: its channel was deleted, or its connection lost. What was unfinished comes again.
#[derive(Debug, thiserror::Error)]
#[error("subscription ended: {0}")]
pub struct Ended(pub String);

/// Returns an error that says why a node does not answer.
pub(crate) fn unavailable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}
