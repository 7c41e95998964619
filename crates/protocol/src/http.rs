//! Bodies of the HTTP interface: accounts, sessions, users, messages, errors. Rooms are in
//! [`crate::Room`] and the types around it.
//!
//! The relay rejects requests with unknown fields, so that a misspelt field is an error. Its
//! answers may get new fields.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Body, DeviceId, ErrorCode, MessageId, Role, Secret, Stream, UserId,
    optional::{given, given_or_removed},
};

/// The request of `POST /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// The name to log in with. `docs/protocol.md` has its rules.
    pub username: String,
    /// The password, at least 8 characters and at most 1,024 bytes.
    pub password: Secret,
    /// The name that others see.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The operator's token, if the relay takes new accounts only with one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub registration_token: Option<Secret>,
}

/// The request of `POST /v1/password-resets`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// The name of the account.
    pub username: String,
    /// The code that the operator has given.
    pub code: Secret,
    /// The new password.
    pub new_password: Secret,
}

/// The answer of `POST /v1/accounts` and `GET /v1/users/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAnswer {
    /// The account.
    pub user: User,
}

/// A user as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The name to log in with.
    pub username: String,
    /// The name that others see, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the user says about themselves, in several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The user's picture: an `https` URL, or a reference that clients understand. Ferry never
    /// fetches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The time when the account was created, in milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// The answer of `GET` and `PATCH /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeAnswer {
    /// The account.
    pub user: Me,
}

/// A user as they see themselves. `Debug` does not show the e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// What others see too.
    #[serde(flatten)]
    pub user: User,
    /// The e-mail address that the user has given. Nobody else sees it, and nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl fmt::Debug for Me {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Me").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The request of `PATCH /v1/me`. A field that is left out does not change. `null` or the empty
/// text removes it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    /// The name that others see.
    #[serde(default, deserialize_with = "given_or_removed", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the user says about themselves.
    #[serde(default, deserialize_with = "given_or_removed", skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The user's picture: an `https` URL, or a reference that clients understand.
    #[serde(default, deserialize_with = "given_or_removed", skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The e-mail address, for the user alone.
    #[serde(default, deserialize_with = "given_or_removed", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl fmt::Debug for UpdateMe {
    /// Says which fields change, and not to what.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateMe")
            .field("display_name", &self.display_name.is_some())
            .field("about", &self.about.is_some())
            .field("avatar", &self.avatar.is_some())
            .field("email", &self.email.is_some())
            .finish()
    }
}

/// The request of `PUT /v1/me/password`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The current password.
    pub old_password: Secret,
    /// The new password.
    pub new_password: Secret,
    /// The code of the [second factor](crate::TotpStatus), or a recovery code, if it is on.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// The request of `DELETE /v1/me`. It needs the password again, because a finder of a lost phone
/// must not be able to delete the account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteMe {
    /// The current password.
    pub password: Secret,
    /// The code of the [second factor](crate::TotpStatus), or a recovery code, if it is on.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// The request of `POST /v1/sessions`, which logs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: Secret,
    /// The name of the device in the list of devices.
    pub device_name: String,
    /// True for a browser: the tokens come as `HttpOnly` cookies and not in the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookie: bool,
    /// One of the user's devices whose place this one takes, with all that waits for it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub replace: Option<DeviceId>,
    /// The code of the [second factor](crate::TotpStatus), or a recovery code, if it is on.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// What an earlier login of this user on the same device has returned as `known`. Anything else
    /// counts as nothing.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub known: Option<Secret>,
}

/// The request of `DELETE /v1/sessions/{device}`. The body may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSession {
    /// The user's password. Another device is logged out only with it, unless this device has
    /// proved it in the last 10 minutes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The code of the [second factor](crate::TotpStatus), or a recovery code, if it is on.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// The request of `PATCH /v1/sessions/{device}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameSession {
    /// The new name of the device.
    pub name: String,
}

/// The answer of `PATCH /v1/sessions/{device}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAnswer {
    /// The device.
    pub device: Device,
}

/// The answer of `POST /v1/sessions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionAnswer {
    /// The tokens, or `None` if they come as cookies.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// The user who logged in.
    pub user: User,
    /// The new device.
    pub device: Device,
    /// The token by which the relay knows this device at its next login, or `None` if it comes as a
    /// cookie. It proves nothing: the login needs the password all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Secret>,
}

/// An access token, and the refresh token that gets the next pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// The token for `Authorization: Bearer …`.
    pub access_token: Secret,
    /// The time for which the access token is valid, in seconds.
    pub expires_in: u64,
    /// The token for `POST /v1/sessions/refresh`. It gives the next pair. If that answer is lost,
    /// send it again.
    pub refresh_token: Secret,
}

/// The request of `POST /v1/sessions/refresh`. With cookies the body may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    /// The refresh token, if it is not in a cookie.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// The answer of `POST /v1/sessions/refresh` with cookies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refreshed {
    /// The time for which the new access token is valid, in seconds.
    pub expires_in: u64,
}

/// A device: one login of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The device's id.
    pub id: DeviceId,
    /// The name that the user gave it.
    pub name: String,
    /// The address from which it logged in, or last refreshed its tokens.
    pub ip: String,
    /// The `User-Agent` of the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The time of the login, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// The time when it last logged in, refreshed its tokens, opened a socket or sent over HTTP,
    /// in milliseconds since the Unix epoch.
    pub last_seen_at: i64,
    /// Whether the device has an open socket on the relay that answers.
    pub online: bool,
    /// Whether this is the device that asks.
    pub current: bool,
}

/// The answer of `GET /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// All devices of the user, the newest last. The number of devices is limited, so there are no
    /// pages.
    pub devices: Vec<Device>,
}

/// The answer of the calls that create or change a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomAnswer {
    /// The room.
    pub room: crate::Room,
}

/// The answer of `PUT …/members/{user}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAnswer {
    /// The membership.
    pub member: crate::Member,
}

/// The request of `POST /v1/rooms/{id}/messages`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    /// The message's UUIDv7. If you give it, receivers recognise a retry. If it is left out, the
    /// relay creates one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The kind, which says how to read the body. `text` if it is left out.
    #[serde(default = "text")]
    pub kind: String,
    /// The content of the message: any JSON value, and a string for `text`.
    pub body: Body,
    /// The message that this one answers.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The users in the room whom the message mentions, at most
    /// [`MENTIONS_MAX`](crate::MENTIONS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// The media type of the body, if the sender names one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The last message of this device in the room that the relay confirmed before. Nobody checks
    /// it. A receiver that does not have it knows that something is missing.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub after: Option<MessageId>,
}

fn text() -> String {
    crate::KIND_TEXT.to_owned()
}

/// The answer of `POST …/messages` (202), and the content of the `sent` frame: every publish is
/// confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The message's id.
    pub id: MessageId,
    /// The time that the relay stamped on it, in milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// The number of users to whom it went, without the sender.
    pub recipients: u32,
    /// The members without any device. The relay stores nothing for them. In a direct room also a
    /// user who has blocked the sender.
    pub unreachable: Vec<UserId>,
    /// The `stream` that the others see on the message, for the sender's own copy.
    #[serde(default, skip_serializing_if = "Stream::is_socket")]
    pub stream: Stream,
    /// The `epoch` that the others see on the message.
    pub epoch: i64,
    /// The `seq` that the others see on the message.
    pub seq: u64,
    /// The role that the others see on the message. Left out by older relays, and for a message
    /// that was confirmed before the sender lost the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// The body of every error answer, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The type, `urn:ferry:error:<code>`.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The code on which clients act.
    pub code: ErrorCode,
    /// The description of what is wrong this time, for people.
    pub detail: String,
    /// The field that is wrong, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The number of seconds after which to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// After a send that did not reach everybody: the users for whom it is outstanding. All others
    /// have it. Send the same message again, and it goes to these alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outstanding: Vec<UserId>,
    /// After a login that is one too many: the user's devices. Log in again with `replace`, or log
    /// one out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code.as_str())
    }
}
