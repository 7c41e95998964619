//! The stable codes of errors and of closing sockets. Clients act on these, and never on the text
//! beside them.

use serde::{Deserialize, Serialize};

/// The reason why a request or a frame was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The body is not JSON, or does not have the form that the call expects.
    Malformed,
    /// A field has a value that is not allowed; `field` names it.
    Invalid,
    /// There is no valid access token, or the credentials are wrong.
    Unauthorized,
    /// A token is in the query string, where logs would store it.
    TokenInUrl,
    /// The user's role does not allow it, or the request comes from a foreign origin.
    Forbidden,
    /// The thing does not exist, or the user may not know of it.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The body or frame is over the limit.
    TooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// Another user has this username.
    UsernameTaken,
    /// The user has as many devices as allowed: replace one, or log one out first.
    DeviceLimit,
    /// The password must be sent along: the last proof is too old.
    PasswordNeeded,
    /// The password is right, and the operator has disabled the account.
    AccountDisabled,
    /// The relay takes no new accounts.
    RegistrationClosed,
    /// A new account needs a token of the operator, and there is none, or it no longer counts.
    RegistrationToken,
    /// The password is right, and the login needs a code of the second factor as well.
    CodeNeeded,
    /// The password is right, and the code is wrong or was used before.
    CodeWrong,
    /// The second factor is on already: turn it off first.
    TotpActive,
    /// The room has as many members as allowed.
    RoomFull,
    /// The user is in the room already.
    AlreadyMember,
    /// A room needs an owner: hand it on first, or delete it.
    LastOwner,
    /// The sender is muted in the room.
    Muted,
    /// The device used the message id for another message, on this connection or a while ago over
    /// HTTP.
    IdReused,
    /// There are too many of these: wait for `retry_after`.
    RateLimited,
    /// A part that Ferry needs does not answer now. The same request may succeed later.
    Unavailable,
    /// The relay has a fault.
    Internal,
    /// The `type` of the frame is unknown.
    UnknownType,
    /// The `Upgrade` request does not ask for a WebSocket of version 13.
    UpgradeRequired,
    /// The user is in as many rooms as allowed.
    TooManyRooms,
    /// The user, or the room, has as many open invitations as allowed.
    TooManyInvitations,
    /// The other user does not allow this, by their settings or otherwise.
    NotAllowed,
    /// The asking user has blocked the other user, and must lift the block first.
    Blocked,
    /// A ban keeps the user out of the room. An admin can lift it.
    Banned,
    /// The room has as many bans as allowed.
    TooManyBans,
    /// Reserved: the room takes only encrypted messages.
    EncryptedRoom,
    /// Reserved: the room's encryption has moved on, so read what waits first.
    StaleGroup,
    /// Reserved: a change of the room's encryption that nobody could follow.
    InvalidCommit,
    /// A code that this version does not know.
    #[serde(other)]
    Other,
}

impl ErrorCode {
    /// Returns the name on the wire.
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
            Self::PasswordNeeded => "password_needed",
            Self::AccountDisabled => "account_disabled",
            Self::RegistrationClosed => "registration_closed",
            Self::RegistrationToken => "registration_token",
            Self::CodeNeeded => "code_needed",
            Self::CodeWrong => "code_wrong",
            Self::TotpActive => "totp_active",
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
            Self::Banned => "banned",
            Self::TooManyBans => "too_many_bans",
            Self::EncryptedRoom => "encrypted_room",
            Self::StaleGroup => "stale_group",
            Self::InvalidCommit => "invalid_commit",
            Self::Other => "other",
        }
    }

    /// Returns the HTTP status that belongs to the code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::TokenInUrl | Self::UnknownType => 400,
            Self::Unauthorized | Self::CodeNeeded | Self::CodeWrong => 401,
            Self::Forbidden
            | Self::Muted
            | Self::NotAllowed
            | Self::PasswordNeeded
            | Self::AccountDisabled
            | Self::RegistrationClosed
            | Self::RegistrationToken
            | Self::Banned => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::UsernameTaken
            | Self::DeviceLimit
            | Self::RoomFull
            | Self::AlreadyMember
            | Self::LastOwner
            | Self::IdReused
            | Self::TotpActive
            | Self::TooManyRooms
            | Self::TooManyInvitations
            | Self::TooManyBans
            | Self::Blocked
            | Self::EncryptedRoom
            | Self::StaleGroup => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid | Self::InvalidCommit => 422,
            Self::UpgradeRequired => 426,
            Self::RateLimited => 429,
            Self::Internal | Self::Other => 500,
            Self::Unavailable => 503,
        }
    }

    /// Returns true if the same request may succeed later without any change.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Internal)
    }
}

/// The reason why the relay closes a socket. After 4000–4499 connect again, with jitter; after
/// 4500–4999 do not.
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
    /// The relay cannot reach the device's queue, or SQL while the socket opens.
    BrokerUnavailable = 4004,
    /// There were far more frames than the limit allows.
    Rate = 4029,
    /// The device asked only for versions of the protocol that the relay does not speak.
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
    /// Returns the number on the wire.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self as u16
    }

    /// Returns the text that is sent along, for people who read a trace.
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

    /// Returns true if a client should connect again after a close with this number. This is so
    /// for all numbers except 4500–4999.
    #[must_use]
    pub const fn should_reconnect(code: u16) -> bool {
        !matches!(code, 4500..=4999)
    }
}
