//! The export of an account: all rows about one user, as the user may see them. Long lists come in
//! pages.
//!
//! A test compares the tables with what the export names, so that a new table or column is either
//! exported or in [`LEFT_OUT`].

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{
    Allow, DeviceId, ExportedAccount, ExportedCount, ExportedDevice, ExportedInvitation, ExportedKey, ExportedKnown,
    ExportedMembership, ExportedMute, ExportedQueue, ExportedRoom, ExportedToken, Page, Role, RoomId, RoomKind, UserId,
    UserSettings,
};
use uuid::Uuid;

use super::{
    Device, Result, Store, User,
    models::peer_of,
    page::{after, one_more, page},
    pool::query,
    schema::{
        closing_channels, daily_counts, devices, idempotency_keys, invitations, known_devices, memberships,
        refresh_tokens, room_mutes, rooms, users,
    },
    sql_types::{MadeId, Sql},
};

/// The most rows of [`ExportHead::closing_queues`]. Further ones are left out; normally there is
/// none.
const QUEUES_MAX: i64 = 1000;

/// The parts of the database that no export shows: table, columns, and the reason for the user.
pub const LEFT_OUT: [(&str, &[&str], &str); 15] = [
    ("users", &["password_hash"], "the hash of your password: whoever has it can try passwords"),
    ("users", &["display_name_folded"], "your display name without differences of case, for the search"),
    (
        "account_rules",
        &["user_id", "disabled_at", "max_devices"],
        "what the operator has set for you: who reads this is not disabled, and a login says when there are too many devices",
    ),
    ("password_resets", &["user_id", "hash", "expires_at", "used_at"], "the hash of a code for a new password"),
    (
        "rooms",
        &["name_folded", "direct_key"],
        "names without differences of case and the pair of a direct room, for the search",
    ),
    (
        "refresh_tokens",
        &["hash", "salt", "successor"],
        "hashes of the tokens of your devices: they exist, and say nothing",
    ),
    ("idempotency_keys", &["key", "request"], "hashes of keys and requests: they exist, and say nothing"),
    ("known_devices", &["hash"], "hashes of the tokens of devices that you know: they exist, and say nothing"),
    ("closing_channels", &["next_try_at", "tries", "nodes"], "how Ferry deletes the queue of a logged-out device"),
    ("blocks", &["blocker"], "blocks by other users, and requests and invitations of users whom you have blocked"),
    ("rooms", &["member_count"], "how many members a room has: the list of your rooms shows it"),
    (
        "second_factors",
        &["user_id", "secret", "active_since", "last_step", "login_tries", "device_tries"],
        "your second factor: `GET /v1/me/totp` says whether it is on, and its secret is for your app alone",
    ),
    ("recovery_codes", &["user_id", "hash"], "hashes of your recovery codes: they exist, and say nothing"),
    (
        "room_bans",
        &["room_id", "user_id", "banned_by", "until", "reason", "created_at"],
        "who is kept out of a room: its admins see that, and you learn of a ban when you join",
    ),
    (
        "signing_keys, relays, leases, applied_migrations, registration_tokens",
        &[],
        "the keys and tasks of the relays, and tokens of the operator: nothing about users",
    ),
];

/// The parts of an export that are short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportHead {
    /// The account with its profile and settings.
    pub account: ExportedAccount,
    /// What the user has done on their last day.
    pub daily_count: Option<ExportedCount>,
    /// The user's devices.
    pub devices: Vec<ExportedDevice>,
    /// The queues of logged-out devices that are still to be deleted.
    pub closing_queues: Vec<ExportedQueue>,
    /// The keys of repeatable requests.
    pub idempotency_keys: Vec<ExportedKey>,
    /// The known devices.
    pub known_devices: Vec<ExportedKnown>,
}

/// Turns the cursor of a list that is sorted by the id of a room into that id.
fn after_room(cursor: Option<&str>) -> Result<RoomId> {
    Ok(after(cursor, |key| key.parse().ok())?.unwrap_or(RoomId(Uuid::nil())))
}

impl Store {
    /// Returns the short parts of a user's export.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`](super::StoreError::NotFound).
    pub async fn export_head(&self, user: UserId) -> Result<ExportHead> {
        query!(self, async |conn| {
            let settings = (users::direct_from, users::add_from, users::receipts, users::presence, users::findable);
            let account = users::table
                .filter(users::id.eq(Sql(user)))
                .select((User::as_select(), users::email, users::password_changed_at, settings))
                .first::<AccountColumns>(conn)
                .await?;
            let count = daily_counts::table
                .filter(daily_counts::user_id.eq(Sql(user)))
                .select((daily_counts::day, daily_counts::added, daily_counts::invited))
                .first::<(i64, i64, i64)>(conn)
                .await
                .optional()?;
            let theirs = devices::table
                .filter(devices::user_id.eq(Sql(user)))
                .order((devices::created_at, devices::id))
                .select((Device::as_select(), devices::http_epoch))
                .load::<(Device, i64)>(conn)
                .await?;
            let tokens = refresh_tokens::table
                .filter(refresh_tokens::device_id.eq_any(theirs.iter().map(|(device, _)| Sql(device.id))))
                .order((refresh_tokens::created_at, refresh_tokens::expires_at))
                .select((
                    refresh_tokens::device_id,
                    refresh_tokens::created_at,
                    refresh_tokens::expires_at,
                    refresh_tokens::used_at,
                ))
                .load::<(DeviceId, i64, i64, Option<i64>)>(conn)
                .await?;
            let closing_queues = closing_channels::table
                .filter(closing_channels::user_id.eq(Sql(user)))
                .order((closing_channels::created_at, closing_channels::device_id))
                .limit(QUEUES_MAX)
                .select((closing_channels::device_id, closing_channels::created_at))
                .load::<(DeviceId, i64)>(conn)
                .await?;
            let keys = idempotency_keys::table
                .filter(idempotency_keys::user_id.eq(Sql(user)))
                .order(idempotency_keys::created_at)
                .select((idempotency_keys::made, idempotency_keys::is_new, idempotency_keys::created_at))
                .load::<(MadeId, bool, i64)>(conn)
                .await?;
            let known = known_devices::table
                .filter(known_devices::user_id.eq(Sql(user)))
                .order(known_devices::used_at)
                .select(known_devices::used_at)
                .load::<i64>(conn)
                .await?;
            Ok(ExportHead {
                account: account_of(account),
                daily_count: count.map(|(day, added, invited)| ExportedCount { day, added, invited }),
                devices: with_tokens(theirs, tokens),
                closing_queues: closing_queues
                    .into_iter()
                    .map(|(device, created_at)| ExportedQueue { device, created_at })
                    .collect(),
                idempotency_keys: keys
                    .into_iter()
                    .map(|(MadeId(made), is_new, created_at)| ExportedKey { made, is_new, created_at })
                    .collect(),
                known_devices: known.into_iter().map(|used_at| ExportedKnown { used_at }).collect(),
            })
        })
    }

    /// Returns a page of the rooms that the user is in, for their export.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`](super::StoreError::BadCursor).
    pub async fn exported_memberships(
        &self,
        user: UserId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<ExportedMembership>> {
        let last = after_room(cursor)?;
        query!(self, async |conn| {
            let rows = memberships::table
                .inner_join(rooms::table)
                .filter(memberships::user_id.eq(Sql(user)))
                .filter(memberships::room_id.gt(Sql(last)))
                .order(memberships::room_id)
                .limit(one_more(limit))
                .select((
                    (rooms::id, rooms::kind, rooms::name, rooms::description, rooms::direct_key),
                    (
                        memberships::role,
                        memberships::muted_until,
                        memberships::joined_at,
                        memberships::chosen,
                        memberships::hidden,
                    ),
                ))
                .load::<(RoomColumns, (Role, i64, i64, bool, bool))>(conn)
                .await?;
            let rooms = rows.into_iter().map(|((room, kind, name, description, key), membership)| {
                let (role, muted_until, joined_at, chosen, hidden) = membership;
                let peer = key.and_then(|key| peer_of(&key, user));
                ExportedMembership { room, kind, name, description, peer, role, muted_until, joined_at, chosen, hidden }
            });
            Ok(page(rooms.collect(), limit, |item: &ExportedMembership| item.room.to_string()))
        })
    }

    /// Returns a page of the rooms that the user has created, for their export.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`](super::StoreError::BadCursor).
    pub async fn exported_rooms(&self, user: UserId, limit: usize, cursor: Option<&str>) -> Result<Page<ExportedRoom>> {
        let last = after_room(cursor)?;
        query!(self, async |conn| {
            let rows = rooms::table
                .filter(rooms::created_by.eq(Some(Sql(user))))
                .filter(rooms::id.gt(Sql(last)))
                .order(rooms::id)
                .limit(one_more(limit))
                .select((rooms::id, rooms::created_at))
                .load::<(RoomId, i64)>(conn)
                .await?;
            let rooms = rows.into_iter().map(|(room, created_at)| ExportedRoom { room, created_at });
            Ok(page(rooms.collect(), limit, |item: &ExportedRoom| item.room.to_string()))
        })
    }

    /// Returns a page of the mutes with which the user has left rooms, for their export.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`](super::StoreError::BadCursor).
    pub async fn exported_mutes(&self, user: UserId, limit: usize, cursor: Option<&str>) -> Result<Page<ExportedMute>> {
        let last = after_room(cursor)?;
        query!(self, async |conn| {
            let rows = room_mutes::table
                .filter(room_mutes::user_id.eq(Sql(user)))
                .filter(room_mutes::room_id.gt(Sql(last)))
                .order(room_mutes::room_id)
                .limit(one_more(limit))
                .select((room_mutes::room_id, room_mutes::until))
                .load::<(RoomId, i64)>(conn)
                .await?;
            let mutes = rows.into_iter().map(|(room, until)| ExportedMute { room, until });
            Ok(page(mutes.collect(), limit, |item: &ExportedMute| item.room.to_string()))
        })
    }

    /// Returns a page of the open invitations by the user, for their export.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`](super::StoreError::BadCursor).
    pub async fn exported_invitations(
        &self,
        user: UserId,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<ExportedInvitation>> {
        let key = after(cursor, |key| {
            let (room, user) = key.split_once(':')?;
            Some((room.parse().ok()?, user.parse().ok()?))
        })?;
        let (last_room, last_user) = key.unwrap_or((RoomId(Uuid::nil()), UserId(Uuid::nil())));
        query!(self, async |conn| {
            let rows = invitations::table
                .filter(invitations::invited_by.eq(Sql(user)))
                .filter(invitations::room_id.ge(Sql(last_room)))
                .filter(invitations::room_id.gt(Sql(last_room)).or(invitations::user_id.gt(Sql(last_user))))
                .order((invitations::room_id, invitations::user_id))
                .limit(one_more(limit))
                .select((invitations::room_id, invitations::user_id, invitations::created_at))
                .load::<(RoomId, UserId, i64)>(conn)
                .await?;
            let made = rows.into_iter().map(|(room, user, created_at)| ExportedInvitation { room, user, created_at });
            Ok(page(made.collect(), limit, |item: &ExportedInvitation| format!("{}:{}", item.room, item.user)))
        })
    }
}

type AccountColumns = (User, Option<String>, i64, (Allow, Allow, bool, bool, bool));
type RoomColumns = (RoomId, RoomKind, Option<String>, Option<String>, Option<String>);

fn account_of(row: AccountColumns) -> ExportedAccount {
    let (user, email, password_changed_at, (direct, add, receipts, presence, findable)) = row;
    let User { id, username, display_name, about, avatar, created_at } = user;
    ExportedAccount {
        user: ferry_protocol::User { id, username, display_name, about, avatar, created_at },
        email,
        password_changed_at,
        settings: UserSettings { direct, add, receipts, presence, findable },
    }
}

fn with_tokens(devices: Vec<(Device, i64)>, tokens: Vec<(DeviceId, i64, i64, Option<i64>)>) -> Vec<ExportedDevice> {
    let mut of_each: HashMap<DeviceId, Vec<ExportedToken>> = HashMap::new();
    for (device, created_at, expires_at, used_at) in tokens {
        of_each.entry(device).or_default().push(ExportedToken { created_at, expires_at, used_at });
    }
    let exported = |(device, http_epoch): (Device, i64)| ExportedDevice {
        refresh_tokens: of_each.remove(&device.id).unwrap_or_default(),
        id: device.id,
        name: device.name,
        ip: device.ip,
        user_agent: device.user_agent,
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
        last_epoch: device.last_epoch,
        http_epoch,
        token_generation: device.token_generation,
        proven_at: device.proven_at,
    };
    devices.into_iter().map(exported).collect()
}
