//! Bodies of the HTTP interface: accounts, sessions, people, messages, errors. Rooms are in [`crate::Room`] and its neighbours.
//!
//! What the relay takes refuses unknown fields, so that a misspelt one is an error and not a surprise; what it answers may grow.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Body, DeviceId, ErrorCode, MessageId, Secret, UserId};

/// For the optional fields of requests: one is left out, or has a value. `null` is no value: whoever sends it to take something away must not be
/// told that this was done.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `POST /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// The name to log in with; see `docs/protocol.md` for what it may hold.
    pub username: String,
    /// 8 to 1,024 bytes.
    pub password: Secret,
    /// What to be called.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// Answer of `POST /v1/accounts` and `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAnswer {
    /// The account.
    pub user: User,
}

/// A user, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name they log in with.
    pub username: String,
    /// What they wish to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// When the account was made, milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// `PATCH /v1/me`. A field left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    /// What to be called; the empty text removes it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `PUT /v1/me/password`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one in force.
    pub old_password: Secret,
    /// The one to be.
    pub new_password: Secret,
}

/// `DELETE /v1/me`. Asks for the password again: a lost phone must not be able to delete the account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteMe {
    /// The one in force.
    pub password: Secret,
}

/// `POST /v1/sessions`: log in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// Who.
    pub username: String,
    /// Proof.
    pub password: Secret,
    /// How the device is to be called in the list of devices.
    pub device_name: String,
    /// True for a browser: the tokens come as `HttpOnly` cookies instead of in the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookie: bool,
}

/// Answer of `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The tokens; none with cookies.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Who logged in.
    pub user: User,
    /// The new device.
    pub device: Device,
}

/// An access token and the refresh token that gets the next pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// For `Authorization: Bearer …`.
    pub access_token: Secret,
    /// For how long it is valid, seconds.
    pub expires_in: u64,
    /// For `POST /v1/sessions/refresh`, once: using it twice logs the device out.
    pub refresh_token: Secret,
}

/// `POST /v1/sessions/refresh`. With cookies the body may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token, where it is not in a cookie.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// Answer of `POST /v1/sessions/refresh` with cookies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refreshed {
    /// For how long the new access token is valid, seconds.
    pub expires_in: u64,
}

/// A device: one login session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What it was called at login.
    pub name: String,
    /// The address it logged in from, or last refreshed its tokens from.
    pub ip: String,
    /// The `User-Agent` it logged in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// When it logged in, milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it last logged in, refreshed its tokens, opened a socket or sent over HTTP, milliseconds since the Unix epoch.
    pub last_seen_at: i64,
    /// Whether a socket of it is open on the relay that answers.
    pub online: bool,
    /// Whether it is the device that asks.
    pub current: bool,
}

/// Answer of `GET /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// All devices of the user, the newest last. There is a limit to how many a user has, so no pages.
    pub devices: Vec<Device>,
}

/// Answer of the calls that make or change a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAnswer {
    /// The room.
    pub room: crate::Room,
}

/// Answer of `PUT …/members/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAnswer {
    /// The membership.
    pub member: crate::Member,
}

/// `POST /v1/rooms/{id}/messages`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// UUIDv7. With it a retry is seen once; left out, the relay makes one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// What the body is; `text` where it is left out.
    #[serde(default = "text")]
    pub kind: String,
    /// What is said: any JSON value, and for `text` a string.
    pub body: Body,
    /// The message that this one answers.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Who in the room is called upon by it; at most [`MENTIONS_MAX`](crate::MENTIONS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// The media type of the body, where the sender names one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

fn text() -> String {
    crate::KIND_TEXT.to_owned()
}

/// Answer of `POST …/messages` (202), and the content of the `sent` frame: every publish was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message.
    pub id: MessageId,
    /// The relay's stamp, milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// To how many users it went, the sender not counted.
    pub recipients: u32,
    /// Members without any device: nothing is kept for them.
    pub unreachable: Vec<UserId>,
    /// The stamp that the others see on it, for the sender's own copy.
    pub epoch: i64,
    /// The same.
    pub seq: u64,
}

/// The body of every error answer, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:ferry:error:<code>`.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What clients act on.
    pub code: ErrorCode,
    /// What is wrong this time, for people.
    pub detail: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// After how many seconds to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code.as_str())
    }
}
