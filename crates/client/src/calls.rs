//! The calls of the HTTP interface, with one method for each. `docs/protocol.md` describes them.

mod account;
mod bans;
mod invitations;
mod people;
mod presence;
mod receipts;
mod totp;

use ferry_protocol::{
    ChangePassword, CreateAccount, CreateRoom, CreateSession, DeleteMe, DeleteSession, Device, DeviceId, Devices,
    Member, MemberAnswer, Page, PostMessage, PutMember, RefreshSession, ResetPassword, Room, RoomAnswer, RoomId,
    Secret, Sent, Tokens, UpdateRoom, User, UserAnswer, UserId,
};
use reqwest::Method;
use serde_json::json;

pub use self::totp::Proof;
use crate::http::Call;
use crate::session::expiry;
use crate::{Client, ClientError, Credentials, Session};

/// The number of pages that [`Session::all_rooms`] and similar calls read at most. They leave out
/// the rest.
const PAGES_MAX: usize = 200;

/// Returns all items of a list, [`PAGES_MAX`] pages of it at most: a relay may name a next page for
/// ever. A macro, because a closure that borrows the page would make a future that is not `Send`.
macro_rules! all_pages {
    ($session:ident.$call:ident($($argument:expr)?)) => {{
        let (mut all, mut paging) = (Vec::new(), $crate::Paging { limit: Some(100), cursor: None });
        for _ in 0..$crate::calls::PAGES_MAX {
            let page = $session.$call($($argument,)? &paging).await?;
            all.extend(page.items);
            if page.next_cursor.is_none() {
                break;
            }
            paging.cursor = page.next_cursor;
        }
        Ok(all)
    }};
}
use all_pages;

/// The part of a list to ask for.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// The largest number of items. The relay chooses if it is left out.
    pub limit: Option<u32>,
    /// The [`Page::next_cursor`] of the page before, or `None` for the first page.
    pub cursor: Option<String>,
}

impl Paging {
    fn on(&self, call: Call) -> Call {
        call.query("limit", self.limit).query("cursor", self.cursor.as_ref())
    }
}

/// Calls that need no login.
/// What a login may say beside the name and the password.
#[derive(Debug, Clone, Default)]
pub struct LoginWith {
    /// The device whose place the new one takes.
    pub replaced: Option<DeviceId>,
    /// The code of the second factor, or a recovery code.
    pub code: Option<Secret>,
    /// What an earlier login of the same user here has returned: [`Credentials::known`]. The wrong
    /// guesses of others do not keep this login out then.
    pub known: Option<Secret>,
}

impl Client {
    /// Creates an account. Does not log in.
    ///
    /// # Errors
    /// 409 `username_taken`, 422 `invalid` with `field`.
    pub async fn register(
        &self,
        username: &str,
        password: &Secret,
        display_name: Option<&str>,
    ) -> Result<User, ClientError> {
        let account = CreateAccount {
            username: username.to_owned(),
            password: password.clone(),
            display_name: display_name.map(str::to_owned),
            registration_token: None,
        };
        self.register_with(&account).await
    }

    /// Creates an account as [`Self::register`] does, with all that the call takes.
    ///
    /// # Errors
    /// As of [`Self::register`], and 403 `registration_token` or `registration_closed`.
    pub async fn register_with(&self, account: &CreateAccount) -> Result<User, ClientError> {
        let answer: UserAnswer = self.call(&Call::new(Method::POST, "accounts").json(account)?, None).await?;
        Ok(answer.user)
    }

    /// Sets a new password with a code that an operator has given. All devices are logged out. If
    /// the answer is lost, call it again with the same password.
    ///
    /// # Errors
    /// 401 `unauthorized` for a wrong name, or a code that is wrong, expired or used; 422 `invalid`
    /// with `field`; 429 `rate_limited`.
    pub async fn reset_password(&self, username: &str, code: &Secret, new: &Secret) -> Result<(), ClientError> {
        let body = ResetPassword { username: username.to_owned(), code: code.clone(), new_password: new.clone() };
        self.call_empty(&Call::new(Method::POST, "password-resets").json(&body)?, None).await
    }

    /// Logs in, which creates a new device. If the answer is lost, it asks again, and no second
    /// device is created.
    ///
    /// # Errors
    /// 401 `unauthorized`, 409 `device_limit` with the user's devices, 429 `rate_limited`.
    pub async fn login(
        &self,
        username: &str,
        password: &Secret,
        device_name: &str,
    ) -> Result<Credentials, ClientError> {
        self.login_with(username, password, device_name, LoginWith::default()).await
    }

    /// Logs in in the place of one of the user's devices: takes over its id and all that waits for
    /// it. Use it for a device whose credentials are lost.
    ///
    /// # Errors
    /// 401 `unauthorized`, 422 `invalid` if the user has no such device, 429 `rate_limited`.
    pub async fn login_replacing(
        &self,
        username: &str,
        password: &Secret,
        device_name: &str,
        replaced: DeviceId,
    ) -> Result<Credentials, ClientError> {
        self.login_with(username, password, device_name, LoginWith { replaced: Some(replaced), ..LoginWith::default() })
            .await
    }

    /// Logs in to an account with a second factor, with a code of it or a recovery code. With
    /// `replaced`, takes the place of that device.
    ///
    /// # Errors
    /// 401 `code_wrong`, and those of [`Self::login`] and [`Self::login_replacing`].
    pub async fn login_with_code(
        &self,
        username: &str,
        password: &Secret,
        device_name: &str,
        replaced: Option<DeviceId>,
        code: &Secret,
    ) -> Result<Credentials, ClientError> {
        let with = LoginWith { replaced, code: Some(code.clone()), ..LoginWith::default() };
        self.login_with(username, password, device_name, with).await
    }

    /// Logs in, with everything that a login may say.
    ///
    /// # Errors
    /// Those of [`Self::login`], [`Self::login_replacing`] and [`Self::login_with_code`].
    pub async fn login_with(
        &self,
        username: &str,
        password: &Secret,
        device_name: &str,
        with: LoginWith,
    ) -> Result<Credentials, ClientError> {
        let login = CreateSession {
            username: username.to_owned(),
            password: password.clone(),
            device_name: device_name.to_owned(),
            cookie: false,
            replace: with.replaced,
            code: with.code,
            known: with.known,
        };
        let call = Call::new(Method::POST, "sessions").json(&login)?.repeatable();
        let session: ferry_protocol::SessionAnswer = self.call(&call, None).await?;
        let Some(tokens) = session.tokens else {
            return Err(ClientError::Protocol("a login without tokens".into()));
        };
        Ok(Credentials {
            server: self.server().to_owned(),
            user: session.user,
            device: session.device.id,
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_at: expiry(tokens.expires_in),
            known: session.known,
        })
    }

    /// Exchanges a refresh token for a new pair. [`Session`] does this by itself, and makes sure
    /// that no token is used twice.
    ///
    /// # Errors
    /// 401 `unauthorized`: the device is logged out.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Tokens, ClientError> {
        let body = RefreshSession { refresh_token: Some(refresh_token.clone()) };
        self.call(&Call::new(Method::POST, "sessions/refresh").json(&body)?, None).await
    }
}

/// Devices and the account. After the device is logged out, every call fails with
/// [`ClientError::LoggedOut`].
impl Session {
    /// Logs out this device. Nothing reaches it after that.
    ///
    /// # Errors
    /// As for every call.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, "sessions/current")).await
    }

    /// Returns the user's devices, the newest last.
    ///
    /// # Errors
    /// As for every call.
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        self.get("sessions").await.map(|devices: Devices| devices.devices)
    }

    /// Logs out one of the user's devices.
    ///
    /// # Errors
    /// 404 `not_found`. 403 `password_needed` if this device has not proved the password
    /// in the last 10 minutes: use [`Self::logout_device_with`].
    pub async fn logout_device(&self, device: DeviceId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("sessions/{device}"))).await
    }

    /// Logs out one of the user's devices, and proves the password.
    ///
    /// # Errors
    /// 404 `not_found`, 422 `invalid` if the password or the code is wrong.
    pub async fn logout_device_with(&self, device: DeviceId, proof: impl Into<Proof>) -> Result<(), ClientError> {
        let Proof { password, code } = proof.into();
        let body = DeleteSession { password: Some(password), code };
        self.call_empty(Call::new(Method::DELETE, format!("sessions/{device}")).json(&body)?).await
    }

    /// Changes the password, and logs out the user's other devices. This device gets new tokens,
    /// because the old ones are revoked too.
    ///
    /// # Errors
    /// The old password is wrong, or the new one is not allowed. [`ClientError::Store`] if the new
    /// tokens cannot be stored: the password is changed then, and they are stored at the next
    /// refresh.
    pub async fn change_password(&self, old: impl Into<Proof>, new: &Secret) -> Result<(), ClientError> {
        let Proof { password, code } = old.into();
        let body = ChangePassword { old_password: password, new_password: new.clone(), code };
        self.call_for_tokens(Call::new(Method::PUT, "me/password").json(&body)?).await
    }

    /// Deletes the account with all its devices.
    ///
    /// # Errors
    /// The password is wrong.
    pub async fn delete_me(&self, proof: impl Into<Proof>) -> Result<(), ClientError> {
        let Proof { password, code } = proof.into();
        let body = DeleteMe { password, code };
        self.call_empty(Call::new(Method::DELETE, "me").json(&body)?).await
    }

    /// Finds users by the beginning of their name.
    ///
    /// # Errors
    /// As for every call.
    pub async fn find_users(&self, query: &str, paging: &Paging) -> Result<Page<User>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "users").query("query", Some(query)))).await
    }

    /// Returns a user.
    ///
    /// # Errors
    /// 404 `not_found`.
    pub async fn user(&self, user: UserId) -> Result<User, ClientError> {
        self.get(format!("users/{user}")).await.map(|answer: UserAnswer| answer.user)
    }
}

/// Rooms, memberships and messages.
impl Session {
    /// Returns a page of the user's rooms.
    ///
    /// # Errors
    /// As for every call.
    pub async fn rooms(&self, paging: &Paging) -> Result<Page<Room>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, "rooms"))).await
    }

    /// Returns all of the user's rooms. Reads at most 200 pages.
    ///
    /// # Errors
    /// As for every call.
    pub async fn all_rooms(&self) -> Result<Vec<Room>, ClientError> {
        all_pages!(self.rooms())
    }

    /// Finds public rooms (of the kind `channel`) by name.
    ///
    /// # Errors
    /// As for every call.
    pub async fn find_rooms(&self, query: &str, paging: &Paging) -> Result<Page<Room>, ClientError> {
        let call = Call::new(Method::GET, "rooms").query("public", Some(true)).query("query", Some(query));
        self.call(paging.on(call)).await
    }

    /// Creates a room. For `direct` it returns the room that exists already. If the answer is lost,
    /// it asks again, and no second room is created.
    ///
    /// # Errors
    /// 403 `not_allowed` if the settings of a member forbid it, 409 `room_full`, 422 `invalid`,
    /// also for an unknown member.
    pub async fn create_room(&self, create: &CreateRoom) -> Result<Room, ClientError> {
        let call = Call::new(Method::POST, "rooms").json(create)?.repeatable();
        let answer: RoomAnswer = self.call(call).await?;
        Ok(answer.room)
    }

    /// Returns a room.
    ///
    /// # Errors
    /// 404 `not_found`, also for a room that the user may not know of.
    pub async fn room(&self, room: RoomId) -> Result<Room, ClientError> {
        self.get(format!("rooms/{room}")).await.map(|answer: RoomAnswer| answer.room)
    }

    /// Changes a room.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`, 422 `invalid`.
    pub async fn update_room(&self, room: RoomId, update: &UpdateRoom) -> Result<Room, ClientError> {
        let answer: RoomAnswer = self.call(Call::new(Method::PATCH, format!("rooms/{room}")).json(update)?).await?;
        Ok(answer.room)
    }

    /// Deletes a room.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`.
    pub async fn delete_room(&self, room: RoomId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("rooms/{room}"))).await
    }

    /// Returns a page of a room's members.
    ///
    /// # Errors
    /// 403 `forbidden` for a channel that the user is not in, 404 `not_found`.
    pub async fn members(&self, room: RoomId, paging: &Paging) -> Result<Page<Member>, ClientError> {
        self.call(paging.on(Call::new(Method::GET, format!("rooms/{room}/members")))).await
    }

    /// Returns all members of a room. Reads at most 200 pages.
    ///
    /// # Errors
    /// 404 `not_found`.
    pub async fn all_members(&self, room: RoomId) -> Result<Vec<Member>, ClientError> {
        all_pages!(self.members(room))
    }

    /// Adds a member, or changes one.
    ///
    /// # Errors
    /// 403 `forbidden`, 403 `not_allowed` if the settings of the new member forbid it, 404
    /// `not_found`, 409 `room_full` or `last_owner`.
    pub async fn put_member(&self, room: RoomId, user: UserId, put: &PutMember) -> Result<Member, ClientError> {
        let call = Call::new(Method::PUT, format!("rooms/{room}/members/{user}")).json(put)?;
        self.call(call).await.map(|answer: MemberAnswer| answer.member)
    }

    /// Removes a member.
    ///
    /// # Errors
    /// 403 `forbidden`, 404 `not_found`, 409 `last_owner`.
    pub async fn remove_member(&self, room: RoomId, user: UserId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::DELETE, format!("rooms/{room}/members/{user}"))).await
    }

    /// Joins a public room.
    ///
    /// # Errors
    /// 404 `not_found`, 409 `room_full` or `already_member`.
    pub async fn join(&self, room: RoomId) -> Result<Room, ClientError> {
        let call = Call::new(Method::POST, format!("rooms/{room}/join")).json(&json!({}))?;
        self.call(call).await.map(|answer: RoomAnswer| answer.room)
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// 404 `not_found`, 409 `last_owner`.
    pub async fn leave(&self, room: RoomId) -> Result<(), ClientError> {
        self.call_empty(Call::new(Method::POST, format!("rooms/{room}/leave")).json(&json!({}))?).await
    }

    /// Sends a message without a socket. You may call it again with the same `id`.
    ///
    /// # Errors
    /// 403 `muted`, 403 `forbidden` for a channel that the user is not in, 404 `not_found`, 429
    /// `rate_limited`, 503 `unavailable`.
    pub async fn post_message(&self, room: RoomId, message: &PostMessage) -> Result<Sent, ClientError> {
        self.call(Call::new(Method::POST, format!("rooms/{room}/messages")).json(message)?).await
    }
}
