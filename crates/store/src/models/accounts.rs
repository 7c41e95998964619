//! Accounts, devices, and keys that sign tokens.

use std::fmt;

use diesel::{Queryable, Selectable};
use ferry_protocol::{Allow, DeviceId, RoomId, UserId};

use super::{CodeProof, Membership, RequestKey};
use crate::schema::{devices, signing_keys, users};

/// An account, without its password. `Debug` shows no name but the username.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name, in canonical form.
    pub username: String,
    /// The name that the user wants to be called by.
    pub display_name: Option<String>,
    /// What the user says about themselves.
    pub about: Option<String>,
    /// The user's picture: a URL, or a reference that clients understand.
    pub avatar: Option<String>,
    /// When the account was created.
    pub created_at: i64,
}

/// A change of a profile. `None` leaves a field as it is, and `Some(None)` removes it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name that the user wants to be called by.
    pub display_name: Option<Option<String>>,
    /// What the user says about themselves.
    pub about: Option<Option<String>>,
    /// The user's picture.
    pub avatar: Option<Option<String>>,
    /// The user's e-mail address. No other user sees it.
    pub email: Option<Option<String>>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

/// An account together with its password's hash.
///
/// Only [`Store::credentials`](crate::Store::credentials) and
/// [`Store::credentials_by_name`](crate::Store::credentials_by_name) load it, so that no search or
/// list holds hashes.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct Credentials {
    /// The account.
    #[diesel(embed)]
    pub user: User,
    /// The hash of the password, in PHC form. Not in `Debug`.
    pub password_hash: String,
    /// When the password last changed. Every new password of a user has a later time; a new hash of
    /// the same password keeps the time.
    pub password_changed_at: i64,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password_changed_at", &self.password_changed_at)
            .finish_non_exhaustive()
    }
}

/// An account to be created.
#[derive(Clone)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its name, already in canonical form.
    pub username: String,
    /// The name that the user wants to be called by.
    pub display_name: Option<String>,
    /// The hash of the password, in PHC form. Not in `Debug`.
    pub password_hash: String,
    /// Who may add the user to groups and channels.
    pub add: Allow,
    /// The current time.
    pub now: i64,
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser").field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

/// The things that the caller must clean up after an account was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedUser {
    /// The account's devices. Their channels are in
    /// [`Store::pending_closes`](crate::Store::pending_closes).
    pub devices: Vec<DeviceId>,
    /// The rooms that the account was in. Some of them may be deleted with it.
    pub rooms: Vec<LeftRoom>,
}

/// A room that a deleted account was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftRoom {
    /// The room's id.
    pub id: RoomId,
    /// The other user of a direct room, which is deleted.
    pub peer: Option<UserId>,
    /// The membership of the user who became the owner, if the room had lost its last one.
    pub heir: Option<Membership>,
}

/// A device: one login of a user. It is logged in as long as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = devices)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The user who logged in.
    pub user_id: UserId,
    /// The name that the user gave it.
    pub name: String,
    /// The address at which it logged in or last refreshed its tokens.
    pub ip: Option<String>,
    /// The user agent with which it logged in.
    pub user_agent: Option<String>,
    /// When it logged in.
    pub created_at: i64,
    /// When it last logged in, refreshed its tokens, opened a socket or sent over HTTP.
    pub last_seen_at: i64,
    /// The epoch of its latest connection; 0 before the first.
    pub last_epoch: i64,
    /// The number that its access tokens carry. Those with a smaller one are revoked.
    pub token_generation: i64,
    /// When the user last proved the password on it.
    pub proven_at: i64,
}

/// The refresh token that comes after one that is used now.
#[derive(Clone, Copy)]
pub struct NextToken {
    /// With the used token, this gives the next one again.
    pub salt: [u8; 32],
    /// The hash of the next one.
    pub hash: [u8; 32],
}

/// A device to be created.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// The user who logs in.
    pub user: UserId,
    /// The name that the user gave it.
    pub name: String,
    /// The address from which it logs in.
    pub ip: Option<String>,
    /// The user agent with which it logs in.
    pub user_agent: Option<String>,
    /// The current time.
    pub now: i64,
    /// The [`Credentials::password_changed_at`] of the password that was checked. If the password
    /// has changed since then, the login fails.
    pub proven: i64,
    /// The code of the second factor that was checked. If the user has one, the login uses the code
    /// up, or fails.
    pub code: Option<CodeProof>,
    /// The key by which a repetition of the login is recognised.
    pub key: Option<RequestKey>,
    /// The hash of the token by which the device is known from now on, also after its logout.
    pub known: Option<[u8; 32]>,
}

/// A device that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The device.
    pub device: Device,
    /// True if its user had no other device at that moment.
    pub first: bool,
    /// True if an earlier login with the same key has created it. Its tokens are revoked then.
    pub is_repeated: bool,
}

/// The outcome of presenting a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was valid. It is used now, and the new one replaces it.
    Rotated {
        /// The token's device.
        device: Device,
        /// The salt of the next token. It is that of the first use if the token was used before,
        /// within the grace.
        salt: [u8; 32],
    },
    /// No logged-in device has the token.
    Unknown,
    /// The token is too old.
    Expired,
    /// The token was used before, and its successor too, so someone may have a copy. All tokens of
    /// the device are revoked now. The device stays, with its queue.
    Reused {
        /// The token's device.
        device_id: DeviceId,
        /// The device's user.
        user_id: UserId,
    },
}

/// A key that signs access tokens.
#[derive(Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
pub struct SigningKey {
    /// The name that a token's header gives it.
    pub kid: String,
    /// The private key. Not in `Debug`.
    pub secret: Vec<u8>,
    /// When it was created.
    pub created_at: i64,
    /// When it begins to sign.
    pub active_at: i64,
    /// When it stopped signing. Tokens that it signed stay valid until they expire.
    pub retired_at: Option<i64>,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("active_at", &self.active_at)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}
