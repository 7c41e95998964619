//! Steps of transactions on friendships and on requests for one.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{FriendState, UserId};

use crate::{chunk::CHUNK, error::Result, pool::steps, schema::friendships, sql_types::Sql};

/// A friendship of two users, or a request for one. The pair is named beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Friendship {
    /// The user who has asked; `None` once they are friends.
    pub(crate) asked_by: Option<UserId>,
    /// When the friendship or the request began, in milliseconds since the Unix epoch.
    pub(crate) since: i64,
}

impl Friendship {
    /// Returns the state as `me` sees it.
    pub(crate) fn state(self, me: UserId) -> FriendState {
        match self.asked_by {
            None => FriendState::Friends,
            Some(user) if user == me => FriendState::Outgoing,
            Some(_) => FriendState::Incoming,
        }
    }
}

/// Selects the row of a pair.
macro_rules! pair {
    ($a:expr, $b:expr) => {
        friendships::table
            .filter(friendships::lesser.eq(Sql($a.min($b))))
            .filter(friendships::greater.eq(Sql($a.max($b))))
    };
}

steps! {
    /// Steps on friendships. The caller holds the two users, or only reads.
    pub(crate) trait FriendshipSteps {
        /// Returns the friendship or request of two users, if there is one.
        async fn friendship(conn, a: UserId, b: UserId) -> Result<Option<Friendship>> {
            let row = pair!(a, b).select((friendships::asked_by, friendships::since));
            let row = row.first::<(Option<UserId>, i64)>(conn).await.optional()?;
            Ok(row.map(|(asked_by, since)| Friendship { asked_by, since }))
        }

        /// Returns those of the others who are friends of the user.
        async fn friends_among(conn, user: UserId, others: &'a [UserId]) -> Result<HashSet<UserId>> {
            let mut friends = HashSet::new();
            for some in others.chunks(CHUNK) {
                let ids = || some.iter().copied().map(Sql);
                let greater = friendships::lesser.eq(Sql(user)).and(friendships::greater.eq_any(ids()));
                let lesser = friendships::greater.eq(Sql(user)).and(friendships::lesser.eq_any(ids()));
                let pairs: Vec<(UserId, UserId)> = friendships::table
                    .filter(friendships::asked_by.is_null())
                    .filter(greater.or(lesser))
                    .select((friendships::lesser, friendships::greater))
                    .load(conn)
                    .await?;
                friends.extend(pairs.into_iter().map(|(lesser, greater)| if lesser == user { greater } else { lesser }));
            }
            Ok(friends)
        }

        /// Stores a friendship or request of two users in place of the one before.
        async fn set_friendship(conn, a: UserId, b: UserId, friendship: Friendship) -> Result<()> {
            conn.end_friendship(a, b).await?;
            diesel::insert_into(friendships::table)
                .values((
                    friendships::lesser.eq(Sql(a.min(b))),
                    friendships::greater.eq(Sql(a.max(b))),
                    friendships::asked_by.eq(friendship.asked_by.map(Sql)),
                    friendships::since.eq(friendship.since),
                ))
                .execute(conn)
                .await?;
            Ok(())
        }

        /// Deletes the friendship or request of two users.
        async fn end_friendship(conn, a: UserId, b: UserId) -> Result<()> {
            diesel::delete(pair!(a, b)).execute(conn).await?;
            Ok(())
        }
    }
}
