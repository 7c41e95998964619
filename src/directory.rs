//! The caches over SQL: the members of rooms, the number of devices of users, and which devices are
//! logged in.
//!
//! Every change, made here or told by another relay, goes through [`Directory::invalidate`]. While
//! it is not sure that every change of other relays is heard, nothing cached is used
//! ([`Trust`]), and SQL is asked.

use std::{
    collections::HashSet,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use ferry_broker::{Broker, Destination};
use ferry_protocol::{DeviceId, Role, RoomId, RoomKind, UserId};
use ferry_store::{RoomAudience, Store, StoreError};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::task::TaskTracker;

use crate::{
    cache::{Cache, Found, Life},
    trust::Trust,
};

/// How long an entry is used. Every change invalidates its entry, here and on other relays, or ends
/// the trust. So this is for changes that nobody announces: an operator who edits SQL by hand.
const LIFE: Life = Life { fresh: Duration::from_secs(10), whole: Duration::from_secs(30) };
/// How long it is used that a room does not exist, or that a user has no device. It is invalidated
/// as every entry is. It is short, because it spares SQL only those who ask again and again.
const ABSENT: Life = Life { fresh: Duration::from_secs(2), whole: Duration::from_secs(2) };
/// Rooms in the cache. One more evicts the least used, which is read again when it is needed.
const ROOMS: usize = 20_000;
/// Users in the cache, likewise.
const USERS: usize = 100_000;
/// Devices in the cache, likewise.
const DEVICES: usize = 50_000;
/// Rooms that do not exist, and users without devices, in caches of their own: ids that somebody
/// makes up push out nothing else.
const ABSENTEES: usize = 10_000;
/// Turns to read what is not cached. A key has one of them, so one reads it at a time.
const TURNS: usize = 64;
/// How long the wait for a turn may take. After that the caller reads as well.
const TURN: Duration = Duration::from_secs(1);

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

/// The devices of a user who has any, and where they are reached.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The number of devices.
    pub devices: u32,
    /// Where the user's payloads go.
    pub destination: Destination,
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

impl From<RoomAudience> for Audience {
    fn from(found: RoomAudience) -> Self {
        let members = found.members.into_iter().map(|member| Recipient {
            user: member.user_id,
            role: member.role,
            muted_until: member.muted_until,
            has_blocked: member.has_blocked,
        });
        Self::new(found.kind, members.collect())
    }
}

/// A device that is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Login {
    user: UserId,
    /// The generation of its tokens that is in force.
    generation: i64,
}

/// What a change makes stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// A room or its memberships changed.
    Room(RoomId),
    /// A user logged a device in or out.
    Devices(UserId),
    /// A device of a user was logged out, or its tokens were revoked.
    Device(UserId, DeviceId),
}

/// See the module's description. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    broker: Broker,
    trust: Arc<Trust>,
    rooms: Cache<RoomId, Arc<Audience>>,
    users: Cache<UserId, Reach>,
    devices: Cache<DeviceId, Login>,
    /// The rooms that do not exist.
    no_rooms: Cache<RoomId, ()>,
    /// The users without devices.
    unreached: Cache<UserId, ()>,
    /// The turns to read a room or a device that is not cached. Those who wait find it cached then.
    turns: [Mutex<()>; TURNS],
    /// Tasks that read again what others still use. The relay waits for them when it ends.
    tasks: TaskTracker,
}

impl Directory {
    /// Creates a directory with empty caches.
    #[must_use]
    pub fn new(store: Store, broker: Broker, trust: Arc<Trust>, tasks: TaskTracker) -> Self {
        let inner = Inner {
            store,
            broker,
            trust,
            rooms: Cache::new(ROOMS, LIFE),
            users: Cache::new(USERS, LIFE),
            devices: Cache::new(DEVICES, LIFE),
            no_rooms: Cache::new(ABSENTEES, ABSENT),
            unreached: Cache::new(ABSENTEES, ABSENT),
            turns: std::array::from_fn(|_| Mutex::new(())),
            tasks,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Drops what a change makes stale: the one way to do it.
    pub fn invalidate(&self, stale: Stale) {
        let Inner { rooms, users, devices, no_rooms, unreached, .. } = &*self.inner;
        let user = match stale {
            Stale::Room(room) => {
                rooms.invalidate(&room);
                return no_rooms.invalidate(&room);
            }
            Stale::Devices(user) => user,
            Stale::Device(user, device) => {
                devices.invalidate(&device);
                user
            }
        };
        users.invalidate(&user);
        unreached.invalidate(&user);
    }

    /// Drops everything, because a change may have been missed.
    pub fn forget_all(&self) {
        let Inner { rooms, users, devices, no_rooms, unreached, .. } = &*self.inner;
        rooms.clear();
        users.clear();
        devices.clear();
        no_rooms.clear();
        unreached.clear();
    }

    /// Returns what is cached for the key, while the caches are trusted.
    fn cached<K: Hash + Eq + Clone, V: Clone>(&self, cache: &Cache<K, V>, key: &K) -> Found<V> {
        if self.inner.trust.holds() { cache.get(key) } else { Found::Nothing }
    }

    /// Returns whether it is cached that there is nothing for the key, while caches are trusted.
    fn is_absent<K: Hash + Eq + Clone>(&self, cache: &Cache<K, ()>, key: &K) -> bool {
        matches!(self.cached(cache, key), Found::Fresh(()))
    }

    /// Waits for the turn to read this key, for [`TURN`] at most. While the caches are not trusted
    /// everybody reads, and nobody waits.
    async fn turn<K: Hash>(&self, key: &K) -> Option<MutexGuard<'_, ()>> {
        if !self.inner.trust.holds() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        tokio::time::timeout(TURN, self.inner.turns[index].lock()).await.ok()
    }

    /// Reads beside the caller what is still used, but old.
    fn read_again<T: Send>(&self, read: impl Future<Output = Result<T, StoreError>> + Send + 'static) {
        self.inner.tasks.spawn(async move {
            if let Err(error) = read.await {
                tracing::debug!(%error, "a cached value cannot be read again yet");
            }
        });
    }

    /// Returns the members of a room, or `None` if the room does not exist.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn audience(&self, room: RoomId) -> Result<Option<Arc<Audience>>, StoreError> {
        match self.cached(&self.inner.rooms, &room) {
            Found::Fresh(audience) | Found::Stale(audience, false) => return Ok(Some(audience)),
            Found::Stale(audience, true) => {
                let directory = self.clone();
                self.read_again(async move { directory.read_audience(room).await });
                return Ok(Some(audience));
            }
            Found::Nothing if self.is_absent(&self.inner.no_rooms, &room) => return Ok(None),
            Found::Nothing => {}
        }
        let _turn = self.turn(&room).await;
        if let Found::Fresh(audience) = self.cached(&self.inner.rooms, &room) {
            return Ok(Some(audience));
        }
        if self.is_absent(&self.inner.no_rooms, &room) {
            return Ok(None);
        }
        self.read_audience(room).await
    }

    async fn read_audience(&self, room: RoomId) -> Result<Option<Arc<Audience>>, StoreError> {
        let reading = self.inner.rooms.begin(vec![room]);
        let absent = self.inner.no_rooms.begin(vec![room]);
        let Some(found) = self.inner.store.audience(room).await? else {
            absent.insert(room, ());
            return Ok(None);
        };
        let audience = Arc::new(Audience::from(found));
        reading.insert(room, Arc::clone(&audience));
        Ok(Some(audience))
    }

    /// Reads these rooms and how their members are reached, for a caller who is about to ask for
    /// one after the other.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn read_ahead(&self, rooms: Vec<RoomId>, mut others: Vec<UserId>) -> Result<(), StoreError> {
        let reading = self.inner.rooms.begin(rooms.clone());
        for (room, found) in self.inner.store.audiences(&rooms).await? {
            others.extend(found.members.iter().map(|member| member.user_id));
            reading.insert(room, Arc::new(Audience::from(found)));
        }
        others.sort_unstable();
        others.dedup();
        self.reach(others.into_iter()).await.map(drop)
    }

    /// Returns how each of these users is reached, in their order. `None` for a user without
    /// devices.
    ///
    /// A first device must get what is sent after its login. So that a user has no device is
    /// invalidated, and trusted, as a number of devices is.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn reach(&self, users: impl ExactSizeIterator<Item = UserId>) -> Result<Vec<Option<Reach>>, StoreError> {
        let mut reached = Vec::with_capacity(users.len());
        let (mut unknown, mut old) = (Vec::new(), Vec::new());
        for (index, user) in users.enumerate() {
            reached.push(match self.cached(&self.inner.users, &user) {
                Found::Fresh(reach) | Found::Stale(reach, false) => Some(reach),
                Found::Stale(reach, true) => {
                    old.push(user);
                    Some(reach)
                }
                Found::Nothing => {
                    if !self.is_absent(&self.inner.unreached, &user) {
                        unknown.push((index, user));
                    }
                    None
                }
            });
        }
        if !old.is_empty() {
            let directory = self.clone();
            self.read_again(async move { directory.read_reach(old).await });
        }
        if !unknown.is_empty() {
            let (indices, asked): (Vec<usize>, Vec<UserId>) = unknown.into_iter().unzip();
            for (index, reach) in indices.into_iter().zip(self.read_reach(asked).await?) {
                reached[index] = reach;
            }
        }
        Ok(reached)
    }

    async fn read_reach(&self, users: Vec<UserId>) -> Result<Vec<Option<Reach>>, StoreError> {
        let Inner { store, broker, users: cache, unreached, .. } = &*self.inner;
        let (reading, absent) = (cache.begin(users.clone()), unreached.begin(users.clone()));
        let counts = store.device_counts(&users).await?;
        let of = |user: UserId| {
            let Some(devices) = counts.get(&user).copied().filter(|count| *count > 0) else {
                absent.insert(user, ());
                return None;
            };
            let reach = Reach { devices, destination: broker.destination(user) };
            reading.insert(user, reach.clone());
            Some(reach)
        };
        Ok(users.into_iter().map(of).collect())
    }

    /// Returns whether the device is logged in and belongs to this user.
    ///
    /// # Errors
    /// Fails as the store does, if the answer is not cached.
    pub async fn is_logged_in(&self, user: UserId, device: DeviceId) -> Result<bool, StoreError> {
        Ok(self.login(device).await?.is_some_and(|login| login.user == user))
    }

    /// Returns whether the device is logged in, belongs to this user, and has tokens of this
    /// generation.
    ///
    /// # Errors
    /// Fails as the store does, if the answer is not cached.
    pub async fn has_token(&self, user: UserId, device: DeviceId, generation: i64) -> Result<bool, StoreError> {
        Ok(self.login(device).await? == Some(Login { user, generation }))
    }

    async fn login(&self, device: DeviceId) -> Result<Option<Login>, StoreError> {
        match self.cached(&self.inner.devices, &device) {
            Found::Fresh(login) | Found::Stale(login, false) => return Ok(Some(login)),
            Found::Stale(login, true) => {
                let directory = self.clone();
                self.read_again(async move { directory.read_login(device).await });
                return Ok(Some(login));
            }
            Found::Nothing => {}
        }
        let _turn = self.turn(&device).await;
        if let Found::Fresh(login) = self.cached(&self.inner.devices, &device) {
            return Ok(Some(login));
        }
        self.read_login(device).await
    }

    async fn read_login(&self, device: DeviceId) -> Result<Option<Login>, StoreError> {
        let reading = self.inner.devices.begin(vec![device]);
        let Some(row) = self.inner.store.device(device).await? else {
            // If it was still in use, it is not any more.
            self.inner.devices.invalidate(&device);
            return Ok(None);
        };
        let login = Login { user: row.user_id, generation: row.token_generation };
        reading.insert(device, login);
        Ok(Some(login))
    }

    /// Returns those of these users who let others know what they have read. Asks SQL each time.
    ///
    /// # Errors
    /// Fails as the store does.
    pub async fn who_tells_of_reading(&self, users: Vec<UserId>) -> Result<HashSet<UserId>, StoreError> {
        Ok(self.inner.store.who_tells_of_reading(users).await?.into_iter().collect())
    }
}
