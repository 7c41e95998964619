//! The stable codes: of errors, and of a closing socket. Clients act on these, never on the words beside them.

use serde::{Deserialize, Serialize};

/// Why a request or a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body is not JSON, or not of the shape that the call takes.
    Malformed,
    /// A field has a value that is not allowed; `field` names it.
    Invalid,
    /// No valid access token, or no valid credentials.
    Unauthorized,
    /// A token in the query string, where logs would keep it.
    TokenInUrl,
    /// Allowed to nobody with the asker's role, or from a foreign origin.
    Forbidden,
    /// There is no such thing, or none that the asker may know of.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body or frame is over the limit.
    TooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// Somebody has this username.
    UsernameTaken,
    /// The user has as many devices as they may have; log one out first.
    DeviceLimit,
    /// The room has as many members as it may have.
    RoomFull,
    /// The user is in the room already.
    AlreadyMember,
    /// A room needs an owner: hand it on first, or delete it.
    LastOwner,
    /// The sender is muted in the room.
    Muted,
    /// The message id was used for another message in this connection.
    IdReused,
    /// Too many of these; wait for `retry_after`.
    RateLimited,
    /// A part that Ferry needs does not answer now; the same request may succeed later.
    Unavailable,
    /// A fault in the relay.
    Internal,
    /// The frame is of no known `type`.
    UnknownType,
    /// The `Upgrade` request is not one for a WebSocket of version 13.
    UpgradeRequired,
    /// The user is in as many rooms as they may be.
    TooManyRooms,
    /// The user has, or the room, as many open invitations as they may.
    TooManyInvitations,
    /// The other user does not let the asker do this: by their settings, or otherwise.
    NotAllowed,
    /// The asker has blocked the other user, and would have to lift that first.
    Blocked,
    /// A code that this version does not know.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::TokenInUrl => "token_in_url",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UsernameTaken => "username_taken",
            Self::DeviceLimit => "device_limit",
            Self::RoomFull => "room_full",
            Self::AlreadyMember => "already_member",
            Self::LastOwner => "last_owner",
            Self::Muted => "muted",
            Self::IdReused => "id_reused",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::UnknownType => "unknown_type",
            Self::UpgradeRequired => "upgrade_required",
            Self::TooManyRooms => "too_many_rooms",
            Self::TooManyInvitations => "too_many_invitations",
            Self::NotAllowed => "not_allowed",
            Self::Blocked => "blocked",
            Self::Other => "other",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::TokenInUrl | Self::UnknownType => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::Muted | Self::NotAllowed => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::UsernameTaken
            | Self::DeviceLimit
            | Self::RoomFull
            | Self::AlreadyMember
            | Self::LastOwner
            | Self::IdReused
            | Self::TooManyRooms
            | Self::TooManyInvitations
            | Self::Blocked => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::UpgradeRequired => 426,
            Self::RateLimited => 429,
            Self::Internal | Self::Other => 500,
            Self::Unavailable => 503,
        }
    }

    /// True where the same request may succeed later with nothing changed by the one who asks.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Internal)
    }
}

/// Why the relay closes a socket. 4000–4499: connect again, with jitter. 4500–4999: do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The relay is shutting down.
    GoingAway = 4000,
    /// The device acknowledged nothing, or took no bytes, for too long.
    Slow = 4001,
    /// Nothing came from the device for too long, not even a pong.
    NoPong = 4002,
    /// The access token expired and was not renewed.
    TokenExpired = 4003,
    /// The device's queue, or SQL while the socket opened, cannot be reached.
    BrokerUnavailable = 4004,
    /// Far more frames than the limit allows.
    Rate = 4029,
    /// The device asked for no version of the protocol that the relay speaks.
    Version = 4500,
    /// The device is logged out, or was never authenticated.
    LoggedOut = 4501,
    /// A newer socket of the same device took over.
    Replaced = 4502,
    /// The device broke the protocol.
    Protocol = 4503,
    /// The account is deleted.
    AccountGone = 4505,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self as u16
    }

    /// The words sent along, for people who read a trace.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "going away",
            Self::Slow => "slow",
            Self::NoPong => "no pong",
            Self::TokenExpired => "token expired",
            Self::BrokerUnavailable => "broker unavailable",
            Self::Rate => "rate",
            Self::Version => "version",
            Self::LoggedOut => "logged out",
            Self::Replaced => "replaced",
            Self::Protocol => "protocol",
            Self::AccountGone => "account gone",
        }
    }

    /// Whether a client should connect again after a close with this number: every one but those that say it is of no use.
    #[must_use]
    pub const fn should_reconnect(code: u16) -> bool {
        !matches!(code, 4500..=4999)
    }
}
