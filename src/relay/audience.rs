//! Who is in a room, and who has a device: read from SQL once and kept for a short while.
//!
//! Every change made here or told by another relay removes what is kept; what a lost telling leaves behind lives no longer than [`TTL`].

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ferry_protocol::{Role, RoomId, RoomKind, UserId};

use crate::{
    kept::Kept,
    store::{Store, StoreError},
};

/// How long an entry is believed.
const TTL: Duration = Duration::from_secs(10);
/// Rooms kept. One more and the least used goes; it is read again when it is needed.
const ROOMS: usize = 20_000;
/// Users kept, likewise.
const USERS: usize = 100_000;

/// A member, as far as sending goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// Until when they may not send, milliseconds since the Unix epoch.
    pub muted_until: i64,
    /// In a direct room: whether they have blocked the other one, and so get nothing of theirs.
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
    /// Of these members of a room of this kind.
    #[must_use]
    pub fn new(kind: RoomKind, mut members: Vec<Recipient>) -> Self {
        members.sort_unstable_by_key(|member| member.user);
        Self { kind, members }
    }

    /// The room's kind.
    #[must_use]
    pub fn kind(&self) -> RoomKind {
        self.kind
    }

    /// All of them.
    #[must_use]
    pub fn members(&self) -> &[Recipient] {
        &self.members
    }

    /// One of them.
    #[must_use]
    pub fn member(&self, user: UserId) -> Option<&Recipient> {
        let index = self.members.binary_search_by_key(&user, |member| member.user).ok()?;
        self.members.get(index)
    }
}

/// See the module's description.
#[derive(Debug)]
pub struct Directory {
    store: Store,
    rooms: Kept<RoomId, Arc<Audience>>,
    users: Kept<UserId, u32>,
}

impl Directory {
    /// An empty one.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, rooms: Kept::new(ROOMS, TTL), users: Kept::new(USERS, TTL) }
    }

    /// Who is in a room; `None` where there is no such room.
    ///
    /// # Errors
    /// Those of the store.
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
        self.rooms.keep(mark, room, Arc::clone(&audience));
        Ok(Some(audience))
    }

    /// How many devices each of these has; who is not in the answer has none.
    ///
    /// That somebody has none is never kept: a first device must get what is sent after its login, however late the news of it.
    ///
    /// # Errors
    /// Those of the store.
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
                    self.users.keep(mark, user, count);
                    counts.insert(user, count);
                }
            }
        }
        Ok(counts)
    }

    /// Which of these let others know what they have read.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn who_tells_of_reading(&self, users: Vec<UserId>) -> Result<HashSet<UserId>, StoreError> {
        Ok(self.store.who_tells_of_reading(users).await?.into_iter().collect())
    }

    /// A room or its memberships changed.
    pub fn room_changed(&self, room: RoomId) {
        self.rooms.forget(&room);
    }

    /// A user's devices changed.
    pub fn devices_changed(&self, user: UserId) {
        self.users.forget(&user);
    }
}
