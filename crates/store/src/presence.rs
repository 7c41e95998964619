//! The queries of presence. They only read.

use std::collections::{HashMap, HashSet};

use diesel::{dsl::max, prelude::*};
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use super::{
    Result, Store,
    chunk::CHUNK,
    pool::query,
    schema::{blocks, devices, memberships, users},
    sql_types::Sql,
    steps::{BlockSteps, FriendshipSteps},
};

impl Store {
    /// Returns those of the others who share a room with the user.
    pub async fn sharing_a_room(&self, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
        let others = others.to_vec();
        query!(self, async |conn| {
            let mine = diesel::alias!(memberships as mine);
            let mut sharing = HashSet::new();
            for some in others.chunks(CHUNK) {
                let in_mine = mine
                    .filter(mine.field(memberships::user_id).eq(Sql(user)))
                    .select(mine.field(memberships::room_id));
                let found = memberships::table
                    .filter(memberships::user_id.eq_any(some.iter().copied().map(Sql)))
                    .filter(memberships::room_id.eq_any(in_mine))
                    .select(memberships::user_id)
                    .distinct();
                sharing.extend(found.load::<UserId>(conn).await?);
            }
            Ok(sharing)
        })
    }

    /// Returns those of the others who are friends of the user.
    pub async fn friends_among(&self, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
        let others = others.to_vec();
        query!(self, async |conn| conn.friends_among(user, &others).await)
    }

    /// Returns those of the others whom the user has blocked or who have blocked the user.
    pub async fn blocked_among(&self, user: UserId, others: &[UserId]) -> Result<HashSet<UserId>> {
        let others = others.to_vec();
        query!(self, async |conn| {
            let mut blocked = conn.blockers_of(user, &others).await?;
            for some in others.chunks(CHUNK) {
                let theirs = blocks::table
                    .filter(blocks::blocker.eq(Sql(user)))
                    .filter(blocks::blocked.eq_any(some.iter().copied().map(Sql)));
                blocked.extend(theirs.select(blocks::blocked).load::<UserId>(conn).await?);
            }
            Ok(blocked)
        })
    }

    /// Returns those of the users who hide their presence.
    pub async fn hidden_among(&self, users: &[UserId]) -> Result<HashSet<UserId>> {
        let users = users.to_vec();
        query!(self, async |conn| {
            let mut hidden = HashSet::new();
            for some in users.chunks(CHUNK) {
                let of_these = users::table.filter(users::id.eq_any(some.iter().copied().map(Sql)));
                hidden.extend(of_these.filter(users::presence.eq(false)).select(users::id).load::<UserId>(conn).await?);
            }
            Ok(hidden)
        })
    }

    /// Returns when each of the users was last seen on any device, in milliseconds since the Unix
    /// epoch. Users without a device are missing in the answer.
    pub async fn last_seen(&self, users: &[UserId]) -> Result<HashMap<UserId, i64>> {
        let users = users.to_vec();
        query!(self, async |conn| {
            let mut seen = HashMap::new();
            for some in users.chunks(CHUNK) {
                let devices = devices::table
                    .filter(devices::user_id.eq_any(some.iter().copied().map(Sql)))
                    .group_by(devices::user_id)
                    .select((devices::user_id, max(devices::last_seen_at)));
                let rows = devices.load::<(UserId, Option<i64>)>(conn).await?;
                seen.extend(rows.into_iter().filter_map(|(user, at)| Some((user, at?))));
            }
            Ok(seen)
        })
    }
}
