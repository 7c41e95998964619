//! The caches over SQL: the members of rooms, the number of devices of users, and which devices are
//! logged in.
//!
//! Every change, made here or told by another relay, goes through [`Directory::invalidate`]. If an
//! event from another relay is lost, an entry lives no longer than its time to live.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ferry_protocol::{DeviceId, Role, RoomId, RoomKind, UserId};
use ferry_store::{Store, StoreError};

use crate::cache::Cache;

/// How long members and device counts are cached.
const TTL: Duration = Duration::from_secs(10);
/// Rooms in the cache. One more evicts the least used, which is read again when it is needed.
const ROOMS: usize = 20_000;
/// Users in the cache, likewise.
const USERS: usize = 100_000;
/// How long a device counts as logged in. A logout removes the entry here, and a live event does on
/// other relays. If that event is lost, a logged-out device's access token still gets HTTP answers
/// for this long. Its connection and channel end at once in any case.
const DEVICE_TTL: Duration = Duration::from_secs(5);
/// Devices in the cache, likewise.
const DEVICES: usize = 50_000;

/// A member, with what sending needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// The member.
    pub user: UserId,
    /// The member's role.
    pub role: Role,
    /// Until when the member may not send, milliseconds since the Unix epoch.
    pub muted_until: i64,
    /// In a direct room: whether this member has blocked the other, and so gets nothing from them.
    pub has_blocked: bool,
}

/// The members of a room.
#[derive(Debug)]
pub struct Audience {
    kind: RoomKind,
    /// Sorted by user.
    members: Vec<Recipient>,
}

impl Audience {
    /// Creates the audience of a room of this kind.
    #[must_use]
    pub fn new(kind: RoomKind, mut members: Vec<Recipient>) -> Self {
        members.sort_unstable_by_key(|member| member.user);
        Self { kind, members }
    }

    /// Returns the room's kind.
    #[must_use]
    pub fn kind(&self) -> RoomKind {
        self.kind
    }

    /// Returns all members, sorted by user.
    #[must_use]
    pub fn members(&self) -> &[Recipient] {
        &self.members
    }

    /// Returns one member, or `None` if the user is not in the room.
    #[must_use]
    pub fn member(&self, user: UserId) -> Option<&Recipient> {
        let index = self.members.binary_search_by_key(&user, |member| member.user).ok()?;
        self.members.get(index)
    }
}

/// What a change makes stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// A room or its memberships changed.
    Room(RoomId),
    /// A user logged a device in or out.
    Devices(UserId),
    /// A device of a user was logged out.
    Device(UserId, DeviceId),
}

/// See the module's description.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    rooms: Cache<RoomId, Arc<Audience>>,
    users: Cache<UserId, u32>,
    devices: Cache<DeviceId, UserId>,
}

impl Directory {
    /// Creates a directory with empty caches.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            rooms: Cache::new(ROOMS, TTL),
            users: Cache::new(USERS, TTL),
            devices: Cache::new(DEVICES, DEVICE_TTL),
        }
    }

    /// Drops what a change makes stale: the one way to do it.
    pub fn invalidate(&self, stale: Stale) {
        match stale {
            Stale::Room(room) => self.rooms.invalidate(&room),
            Stale::Devices(user) => self.users.invalidate(&user),
            Stale::Device(user, device) => {
                self.devices.invalidate(&device);
                self.users.invalidate(&user);
            }
        }
    }

    /// Returns the members of a room, or `None` if the room does not exist.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn audience(&self, room: RoomId) -> Result<Option<Arc<Audience>>, StoreError> {
        if let Some(audience) = self.rooms.get(&room) {
            return Ok(Some(audience));
        }
        let mark = self.rooms.mark();
        let Some(found) = self.store.audience(room).await? else { return Ok(None) };
        let members = found.members.into_iter().map(|member| Recipient {
            user: member.user_id,
            role: member.role,
            muted_until: member.muted_until,
            has_blocked: member.has_blocked,
        });
        let audience = Arc::new(Audience::new(found.kind, members.collect()));
        self.rooms.insert(mark, room, Arc::clone(&audience));
        Ok(Some(audience))
    }

    /// Returns the number of devices of each of these users. A user without devices is not in the
    /// answer.
    ///
    /// That a user has no device is never cached: a first device must get what is sent after its
    /// login, however late the news of it arrives.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn device_counts(
        &self,
        users: impl ExactSizeIterator<Item = UserId>,
    ) -> Result<HashMap<UserId, u32>, StoreError> {
        let mut counts = HashMap::with_capacity(users.len());
        let mut unknown = Vec::new();
        for user in users {
            match self.users.get(&user) {
                Some(count) => _ = counts.insert(user, count),
                None => unknown.push(user),
            }
        }
        if !unknown.is_empty() {
            let mark = self.users.mark();
            for (user, count) in self.store.device_counts(&unknown).await? {
                if count > 0 {
                    self.users.insert(mark, user, count);
                    counts.insert(user, count);
                }
            }
        }
        Ok(counts)
    }

    /// Returns whether the device is logged in and belongs to this user.
    ///
    /// # Errors
    /// Fails as the store does, if the answer is not cached.
    pub async fn is_logged_in(&self, user: UserId, device: DeviceId) -> Result<bool, StoreError> {
        if let Some(owner) = self.devices.get(&device) {
            return Ok(owner == user);
        }
        let mark = self.devices.mark();
        let Some(row) = self.store.device(device).await? else { return Ok(false) };
        self.devices.insert(mark, device, row.user_id);
        Ok(row.user_id == user)
    }

    /// Returns those of these users who let others know what they have read. Asks SQL each time.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn who_tells_of_reading(&self, users: Vec<UserId>) -> Result<HashSet<UserId>, StoreError> {
        Ok(self.store.who_tells_of_reading(users).await?.into_iter().collect())
    }
}
