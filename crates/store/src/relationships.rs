//! The actions that users allow another user. Their settings, their friendships and their blocks
//! decide it.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Allow, UserId};

use super::{
    Conflict, Result, StoreError,
    chunk::CHUNK,
    pool::steps,
    schema::users,
    sql_types::Sql,
    steps::{BlockSteps, FriendshipSteps},
};

/// How a user stands to another user, the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relationship {
    /// The users who may open a direct room with the user.
    pub(super) direct: Allow,
    /// The users who may add the user to other rooms.
    pub(super) add: Allow,
    /// Whether the user and the actor are friends.
    pub(super) are_friends: bool,
    /// Whether the user has blocked the actor.
    pub(super) has_blocked: bool,
}

impl Relationship {
    /// Checks that the actor may open a direct room with the user.
    pub(super) fn allow_direct(&self) -> Result<(), Conflict> {
        if self.allows(self.direct) { Ok(()) } else { Err(Conflict::NotAllowed) }
    }

    /// Checks that the actor may add the user to a room.
    pub(super) fn allow_add(&self) -> Result<(), Conflict> {
        if self.allows(self.add) { Ok(()) } else { Err(Conflict::NotToBeAdded) }
    }

    /// A blocked actor gets the same answer as one who is not a friend, so that the answer does not
    /// reveal the block.
    fn allows(&self, allow: Allow) -> bool {
        let by_setting = match allow {
            Allow::Anybody => true,
            Allow::Friends => self.are_friends,
        };
        by_setting && !self.has_blocked
    }
}

steps! {
    /// Steps on what users let another user do. The caller holds the users.
    pub(super) trait RelationshipSteps {
        /// Returns how each of the users stands to `actor`, in no order. Leaves out users who do
        /// not exist.
        async fn relationships(conn, whom: &'a [UserId], actor: UserId) -> Result<Vec<Relationship>> {
            let blockers = conn.blockers_of(actor, whom).await?;
            let friends = conn.friends_among(actor, whom).await?;
            let mut relationships = Vec::with_capacity(whom.len());
            for some in whom.chunks(CHUNK) {
                let settings: Vec<(UserId, Allow, Allow)> = users::table
                    .filter(users::id.eq_any(some.iter().copied().map(Sql)))
                    .select((users::id, users::direct_from, users::add_from))
                    .load(conn)
                    .await?;
                relationships.extend(settings.into_iter().map(|(user, direct, add)| Relationship {
                    direct,
                    add,
                    are_friends: friends.contains(&user),
                    has_blocked: blockers.contains(&user),
                }));
            }
            Ok(relationships)
        }

        /// Checks that `actor` may open a direct room with `whom`.
        async fn require_direct(conn, whom: UserId, actor: UserId) -> Result<()> {
            conn.relationships(&[whom], actor).await?.iter().try_for_each(Relationship::allow_direct).map_err(StoreError::from)
        }

        /// Checks that `actor` may add all of the users to a room.
        async fn require_add(conn, whom: &'a [UserId], actor: UserId) -> Result<()> {
            conn.relationships(whom, actor).await?.iter().try_for_each(Relationship::allow_add).map_err(StoreError::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use Allow::{Anybody, Friends};

    use super::*;

    #[test]
    fn who_is_blocked_is_answered_as_anybody_who_is_not_let() {
        for (allow, are_friends, has_blocked, is_let) in [
            (Anybody, false, false, true),
            (Anybody, true, false, true),
            (Anybody, false, true, false),
            (Anybody, true, true, false),
            (Friends, false, false, false),
            (Friends, true, false, true),
            (Friends, false, true, false),
            (Friends, true, true, false),
        ] {
            let answer = |refusal| if is_let { Ok(()) } else { Err(refusal) };
            // Neither setting affects the other.
            for other in [Anybody, Friends] {
                let relationship = Relationship { direct: allow, add: other, are_friends, has_blocked };
                assert_eq!(relationship.allow_direct(), answer(Conflict::NotAllowed), "{relationship:?}");
                let relationship = Relationship { direct: other, add: allow, are_friends, has_blocked };
                assert_eq!(relationship.allow_add(), answer(Conflict::NotToBeAdded), "{relationship:?}");
            }
        }
    }
}
