//! What can go wrong, one enum per piece. No error carries a message body.

use std::{io, time::Duration};

use crate::codec::CodecError;

/// An error frame of nsqd: a code such as `E_FIN_FAILED`, and what it says about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {description}")]
pub struct ServerError {
    /// The first word: `E_…`.
    pub code: String,
    /// The rest, for people. Empty for `E_INVALID`, where nsqd quotes what it received.
    pub description: String,
}

impl ServerError {
    /// How much of an error frame is kept: names and ids fit, a flood does not.
    const MAX_KEPT: usize = 256;

    pub(crate) fn parse(data: &[u8]) -> Self {
        // Lossy, because nsqd's text may quote bytes it received.
        let text = String::from_utf8_lossy(&data[..data.len().min(Self::MAX_KEPT)]);
        let (code, description) = text.split_once(' ').unwrap_or((&text, ""));
        // "E_INVALID invalid command …" quotes what it took for a command line: after a framing fault that could be a body.
        let description = if code == "E_INVALID" { "" } else { description };
        Self { code: code.to_owned(), description: description.to_owned() }
    }

    /// A FIN, REQ or TOUCH that came too late: the message had timed out, or was not in flight on this connection. nsqd goes on.
    pub fn is_late(&self) -> bool {
        matches!(self.code.as_str(), "E_FIN_FAILED" | "E_REQ_FAILED" | "E_TOUCH_FAILED")
    }

    /// The refusal of a SUB because of `max_channel_consumers`. nsqd has no code of its own for it.
    pub(crate) fn is_too_many_consumers(&self) -> bool {
        self.code == "E_SUB_FAILED" && self.description.contains("exceeds limit of")
    }
}

/// Opening a connection failed: TCP, or IDENTIFY.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    /// No connection, or no answer to IDENTIFY or SUB, in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// nsqd closed the connection in the middle.
    #[error("nsqd closed the connection")]
    Closed,
    /// nsqd answered with an error, e.g. to a heartbeat interval outside its limits.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// The other side does not speak the protocol.
    #[error("not the NSQ protocol: {0}")]
    Codec(#[from] CodecError),
    /// A well-formed frame that is no answer to what was asked.
    #[error("an unexpected answer to {0}")]
    Unexpected(&'static str),
}

/// [`Subscription::connect`](crate::Subscription::connect) failed. Nothing is left behind but, for a SUB that reached nsqd, the
/// topic and channel it created.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The channel has as many consumers as `max_channel_consumers` allows.
    #[error("the channel already has a consumer")]
    TooManyConsumers,
    /// Anything else.
    #[error(transparent)]
    Connect(ConnectError),
}

impl<E: Into<ConnectError>> From<E> for SubscribeError {
    fn from(error: E) -> Self {
        match error.into() {
            ConnectError::Refused(refused) if refused.is_too_many_consumers() => Self::TooManyConsumers,
            other => Self::Connect(other),
        }
    }
}

/// A subscription has ended. What was in flight comes back after the message timeout.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// nsqd closed the connection: it stopped, it gave the client up for dead, or the channel or its topic was deleted.
    #[error("nsqd closed the connection")]
    Closed,
    /// The connection broke.
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    /// nsqd sent what is not the protocol.
    #[error("not the NSQ protocol: {0}")]
    Codec(#[from] CodecError),
    /// An error frame that is not about a late FIN, REQ or TOUCH; nsqd closes the connection after it.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// Commands pile up because the connection takes no bytes.
    #[error("nsqd does not take commands")]
    Stalled,
    /// `close` heard nothing from nsqd in time.
    #[error("no answer to the close within {0:?}")]
    Timeout(Duration),
}

/// A publish failed. [`outcome_unknown`](PublishError::outcome_unknown) tells whether it may have been queued all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection now. Nothing was sent.
    #[error("not connected to nsqd")]
    NotConnected,
    /// As many publishes, or bytes, wait for an answer as the options allow. Nothing was sent.
    #[error("too many publishes wait for an answer")]
    QueueFull,
    /// nsqd takes no empty messages. Nothing was sent.
    #[error("an empty message cannot be published")]
    EmptyBody,
    /// Larger than the options' `max_body_size`. Nothing was sent.
    #[error("a message of {size} bytes; the limit is {max}")]
    TooLarge {
        /// Bytes of the body.
        size: usize,
        /// The limit in force.
        max: usize,
    },
    /// nsqd said no, and did not queue it.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// No answer in time; the connection is dropped.
    #[error("no answer from nsqd in time")]
    Timeout,
    /// The connection was lost before the answer.
    #[error("connection to nsqd lost before its answer")]
    ConnectionLost,
}

impl PublishError {
    /// True if nsqd may have queued the message although no answer said so.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout | Self::ConnectionLost)
    }
}
