//! Links: two devices of one user talk to each other through the relay, live and encrypted between
//! them. The relay queues nothing for a device that is not there, and reads nothing.
//!
//! One device offers a link, the relay tells the user's other devices, and one of them accepts.
//! From then on each binary frame of the one is a binary frame of the other, in order, until the
//! link is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, LinkId};

/// The longest binary frame of a link, in bytes. A relay with a smaller
/// [`Limits::frame`](crate::Limits::frame) takes no longer ones than that.
pub const LINK_CHUNK_MAX: usize = 60 << 10;

/// The most binary frames that a device may have on their way to the other one. A device that has
/// far more loses the link.
pub const LINK_WINDOW: usize = 32;

/// The name in [`Welcome::features`](crate::Welcome::features) of a relay that carries links.
pub const FEATURE_LINKS: &str = "links";

/// The content of `link`: a device offers a link to the user's other devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferLink {
    /// The UUID that the device chose.
    pub link: LinkId,
    /// The device that may accept. Without it each of the user's other devices may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<DeviceId>,
}

/// The content of `link_accept` and `link_closed` from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameLink {
    /// The link.
    pub link: LinkId,
}

/// The content of `link_offer` and `link_accept` from the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkWith {
    /// The link.
    pub link: LinkId,
    /// The device at the other end.
    pub from: DeviceId,
}

/// The content of `link_closed` from the relay: the link is over, or was never there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkClosed {
    /// The link.
    pub link: LinkId,
    /// The reason.
    pub reason: LinkEnd,
}

/// Why a link is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkEnd {
    /// The other device has closed it.
    Closed,
    /// The device that was asked does not want it.
    Declined,
    /// No device has accepted it in time.
    Unanswered,
    /// Another device has accepted it first.
    Taken,
    /// There is no such offer to this device, or it is gone.
    NotFound,
    /// This device has a link, or an offer, already.
    Busy,
    /// The relay carries as many links as it may, of this user or at all. Try again later.
    Limit,
    /// The device offers links too fast. Try again in a minute.
    RateLimited,
    /// The other device is not connected any more.
    Gone,
    /// Nothing has moved for too long.
    Idle,
    /// It has been open for as long as a link may be. Open another one.
    TooLong,
    /// One of the devices sent more than the other one has taken: see [`LINK_WINDOW`].
    Overflow,
    /// The broker has lost a part. Open another one.
    Lost,
    /// The broker does not answer. Try again later.
    Unavailable,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

impl LinkEnd {
    /// Every reason that a relay gives.
    pub const ALL: [Self; 14] = [
        Self::Closed,
        Self::Declined,
        Self::Unanswered,
        Self::Taken,
        Self::NotFound,
        Self::Busy,
        Self::Limit,
        Self::RateLimited,
        Self::Gone,
        Self::Idle,
        Self::TooLong,
        Self::Overflow,
        Self::Lost,
        Self::Unavailable,
    ];

    /// Returns the name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Declined => "declined",
            Self::Unanswered => "unanswered",
            Self::Taken => "taken",
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Limit => "limit",
            Self::RateLimited => "rate_limited",
            Self::Gone => "gone",
            Self::Idle => "idle",
            Self::TooLong => "too_long",
            Self::Overflow => "overflow",
            Self::Lost => "lost",
            Self::Unavailable => "unavailable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for LinkEnd {
    /// Writes the reason for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the other device has closed the link",
            Self::Declined => "the other device does not want a link",
            Self::Unanswered => "no device answered",
            Self::Taken => "another device was first",
            Self::NotFound => "the offer is gone",
            Self::Busy => "this device has a link already",
            Self::Limit => "the relay carries as many links as it may",
            Self::RateLimited => "too many offers: wait a minute",
            Self::Gone => "the other device is not connected any more",
            Self::Idle => "nothing moved for too long",
            Self::TooLong => "the link was open for as long as it may be",
            Self::Overflow => "more was sent than the other device has taken",
            Self::Lost => "the relay has lost a part",
            Self::Unavailable => "the relay's broker does not answer",
            Self::Other => "the link is closed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_name_and_an_unknown_one_is_read() {
        for end in LinkEnd::ALL {
            let name = serde_json::to_string(&end).unwrap();
            assert_eq!(name, format!("\"{}\"", end.as_str()));
            assert_eq!(serde_json::from_str::<LinkEnd>(&name).unwrap(), end);
        }
        assert_eq!(serde_json::from_str::<LinkEnd>("\"bored\"").unwrap(), LinkEnd::Other);
    }
}
