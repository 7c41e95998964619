//! How users stand to somebody who wants something of them, and what they let that one do.

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

/// How one user stands to another, who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relationship {
    /// Who may make a direct room with them.
    pub(super) direct: Allow,
    /// Who may put them into other rooms.
    pub(super) add: Allow,
    /// Whether they are friends with who acts.
    pub(super) are_friends: bool,
    /// Whether they have blocked who acts.
    pub(super) has_blocked: bool,
}

impl Relationship {
    /// Whether a direct room with them may be made.
    pub(super) fn allow_direct(&self) -> Result<(), Conflict> {
        if self.allows(self.direct) { Ok(()) } else { Err(Conflict::NotAllowed) }
    }

    /// Whether they may be put into a room.
    pub(super) fn allow_add(&self) -> Result<(), Conflict> {
        if self.allows(self.add) { Ok(()) } else { Err(Conflict::NotToBeAdded) }
    }

    /// Who is blocked and who is no friend are answered alike, so that nobody learns here that they are blocked.
    fn allows(&self, allow: Allow) -> bool {
        let by_setting = match allow {
            Allow::Anybody => true,
            Allow::Friends => self.are_friends,
        };
        by_setting && !self.has_blocked
    }
}

steps! {
    /// Parts of transactions on what users may do to each other. The users are held.
    pub(super) trait RelationshipSteps {
        /// How each of these stands to `actor`, in no order; who is not there is left out.
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

        /// That `actor` may make a direct room with `whom`.
        async fn require_direct(conn, whom: UserId, actor: UserId) -> Result<()> {
            conn.relationships(&[whom], actor).await?.iter().try_for_each(Relationship::allow_direct).map_err(StoreError::from)
        }

        /// That `actor` may put all of these into a room.
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
            // The one setting says nothing of the other.
            for other in [Anybody, Friends] {
                let relationship = Relationship { direct: allow, add: other, are_friends, has_blocked };
                assert_eq!(relationship.allow_direct(), answer(Conflict::NotAllowed), "{relationship:?}");
                let relationship = Relationship { direct: other, add: allow, are_friends, has_blocked };
                assert_eq!(relationship.allow_add(), answer(Conflict::NotToBeAdded), "{relationship:?}");
            }
        }
    }
}
