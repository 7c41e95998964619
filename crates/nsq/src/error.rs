//! The errors, with one enum for each part. No error contains a message body.

use std::{io, time::Duration};

/// An error frame of nsqd: a code such as `E_FIN_FAILED`, and a description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {description}")]
pub struct ServerError {
    /// The code, which is the first word: `E_…`.
    pub code: String,
    /// The description for people. Empty for `E_INVALID`, because nsqd quotes there what it
    /// received.
    pub description: String,
}

/// What is left of "E_INVALID cannot PUB in current state (TLS required)", which quotes no body.
const TLS_REQUIRED: &str = "TLS required";

impl ServerError {
    /// The longest part of an error frame that is stored, in bytes. Names and ids fit; the rest is
    /// cut off.
    const MAX_KEPT: usize = 256;

    pub(crate) fn parse(data: &[u8]) -> Self {
        // Lossy, because nsqd's text may quote bytes that it received.
        let text = String::from_utf8_lossy(&data[..data.len().min(Self::MAX_KEPT)]);
        let (code, description) = text.split_once(' ').unwrap_or((&text, ""));
        // "E_INVALID invalid command …" quotes the command line. After a framing fault that could
        // be a body.
        let description = match code {
            "E_INVALID" if description.ends_with("in current state (TLS required)") => TLS_REQUIRED,
            "E_INVALID" => "",
            _ => description,
        };
        Self { code: code.to_owned(), description: description.to_owned() }
    }

    /// Returns what nsqd wants of a connection, if it is something that this client does not do.
    pub fn wants(&self) -> Option<&'static str> {
        match self.code.as_str() {
            "E_AUTH_FIRST" | "E_AUTH_FAILED" | "E_AUTH_ERROR" | "E_UNAUTHORIZED" => Some("AUTH"),
            "E_INVALID" if self.description == TLS_REQUIRED => Some("TLS"),
            _ => None,
        }
    }

    /// Returns true for a FIN, REQ or TOUCH that came too late. The message had timed out, or was
    /// not in flight on this connection. nsqd keeps the connection.
    pub fn is_late(&self) -> bool {
        matches!(self.code.as_str(), "E_FIN_FAILED" | "E_REQ_FAILED" | "E_TOUCH_FAILED")
    }

    /// Returns true if nsqd rejected a SUB because of `max_channel_consumers`. nsqd has no code of
    /// its own for this.
    pub(crate) fn is_too_many_consumers(&self) -> bool {
        self.code == "E_SUB_FAILED" && self.description.contains("exceeds limit of")
    }
}

/// An error after which the stream is of no use, because nobody knows where the next frame starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The header says that the frame is longer than the limit. The frame is rejected before any
    /// memory is reserved for it.
    #[error("a frame of {size} bytes; the limit is {max}")]
    Oversize {
        /// The size in the header.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The size is too small for the frame's type, or a message is too short for its header.
    #[error("a frame of {0} bytes is too short for what it claims to be")]
    Undersize(usize),
    /// The type is neither response, error nor message.
    #[error("unknown frame type {0}")]
    UnknownType(i32),
    /// The id of a message is not 16 hexadecimal digits.
    #[error("a message with a malformed id")]
    BadMessageId,
}

/// The error of opening a connection, that is of TCP or IDENTIFY.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no TCP connection.
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    /// There was no connection, or no answer to IDENTIFY or SUB, in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// nsqd closed the connection before it answered.
    #[error("nsqd closed the connection")]
    Closed,
    /// nsqd answered with an error, for example to a heartbeat interval outside its limits.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// The other side does not speak the protocol.
    #[error("not the NSQ protocol: {0}")]
    Codec(#[from] CodecError),
    /// The frame is valid, but is not an answer to the command.
    #[error("an unexpected answer to {0}")]
    Unexpected(&'static str),
}

/// The error of [`Subscription::connect`](crate::Subscription::connect). If the SUB reached nsqd,
/// the topic and the channel that it created remain. Nothing else does.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The channel has as many consumers as `max_channel_consumers` allows.
    #[error("the channel already has a consumer")]
    TooManyConsumers,
    /// Any other error.
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

/// The reason why a subscription has ended. Messages in flight come back after the message
/// timeout.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// nsqd closed the connection: it stopped, it took the client for dead, or the channel or its
    /// topic was deleted.
    #[error("nsqd closed the connection")]
    Closed,
    /// The connection broke.
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    /// nsqd sent bytes that are not the protocol.
    #[error("not the NSQ protocol: {0}")]
    Codec(#[from] CodecError),
    /// An error frame came that is not about a late FIN, REQ or TOUCH. nsqd closes the connection
    /// after it.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// Commands pile up because the connection takes no bytes.
    #[error("nsqd does not take commands")]
    Stalled,
    /// nsqd did not answer `close` in time.
    #[error("no answer to the close within {0:?}")]
    Timeout(Duration),
}

/// The error of a publish. [`outcome_unknown`](PublishError::outcome_unknown) tells whether the
/// message may be queued in spite of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection now. Nothing was sent.
    #[error("not connected to nsqd")]
    NotConnected,
    /// The number of publishes, or of bytes, that wait for an answer is at the limit of the
    /// options. Nothing was sent.
    #[error("too many publishes wait for an answer")]
    QueueFull,
    /// nsqd accepts no empty messages. Nothing was sent.
    #[error("an empty message cannot be published")]
    EmptyBody,
    /// The body is larger than the options' `max_body_size`. Nothing was sent.
    #[error("a message of {size} bytes; the limit is {max}")]
    TooLarge {
        /// The size of the body, in bytes.
        size: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// nsqd answered with an error, and did not queue the message.
    #[error("nsqd refused: {0}")]
    Refused(ServerError),
    /// There was no answer in time. The connection is dropped.
    #[error("no answer from nsqd in time")]
    Timeout,
    /// The connection was lost before the answer.
    #[error("connection to nsqd lost before its answer")]
    ConnectionLost,
}

impl PublishError {
    /// Returns true if nsqd may have queued the message although no answer said so.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout | Self::ConnectionLost)
    }
}

#[cfg(test)]
mod tests {
    use super::ServerError;

    #[test]
    fn what_nsqd_wants_is_told_and_what_it_quotes_is_not() {
        let wants = |text: &str| ServerError::parse(text.as_bytes()).wants();
        assert_eq!(wants("E_INVALID cannot PUB in current state (TLS required)"), Some("TLS"));
        assert_eq!(wants("E_AUTH_FIRST AUTH required before PUB"), Some("AUTH"));
        assert_eq!(wants("E_UNAUTHORIZED AUTH failed for PUB on \"x\" \"\""), Some("AUTH"));
        assert_eq!(wants("E_PUB_FAILED PUB failed exiting"), None);
        let quoted = ServerError::parse(b"E_INVALID invalid command [canary (TLS required)]");
        assert_eq!((quoted.wants(), &*quoted.description), (None, ""));
    }
}
