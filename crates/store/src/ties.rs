//! How users stand to somebody who wants something of them, and what they let that one do.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{Allow, UserId};

use super::{
    Conflict, Result, StoreError, blocks::BlockSteps, friends::FriendSteps, pool::steps, schema::users, sql_types::Sql,
    users::CHUNK,
};

/// How one user stands to another, who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ties {
    /// Who may make a direct room with them.
    pub(super) direct: Allow,
    /// Who may put them into other rooms.
    pub(super) add: Allow,
    /// Whether they are friends with who acts.
    pub(super) are_friends: bool,
    /// Whether they have blocked who acts.
    pub(super) has_blocked: bool,
}

impl Ties {
    /// Whether a direct room with them may be made.
    pub(super) fn let_write(&self) -> Result<(), Conflict> {
        if self.is_let(self.direct) { Ok(()) } else { Err(Conflict::NotAllowed) }
    }

    /// Whether they may be put into a room.
    pub(super) fn let_add(&self) -> Result<(), Conflict> {
        if self.is_let(self.add) { Ok(()) } else { Err(Conflict::NotToBeAdded) }
    }

    /// Who is blocked and who is no friend are answered alike, so that nobody learns here that they are blocked.
    fn is_let(&self, allow: Allow) -> bool {
        let is_let = match allow {
            Allow::Anybody => true,
            Allow::Friends => self.are_friends,
        };
        is_let && !self.has_blocked
    }
}

steps! {
    /// Parts of transactions on what users may do to each other. The users are held.
    pub(super) trait TieSteps {
        /// How each of these stands to `actor`, in no order; who is not there is left out.
        async fn ties(conn, whom: &'a [UserId], actor: UserId) -> Result<Vec<Ties>> {
            let blockers = conn.blockers_of(actor, whom).await?;
            let friends = conn.friends_among(actor, whom).await?;
            let mut ties = Vec::with_capacity(whom.len());
            for some in whom.chunks(CHUNK) {
                let settings: Vec<(UserId, Allow, Allow)> = users::table
                    .filter(users::id.eq_any(some.iter().copied().map(Sql)))
                    .select((users::id, users::direct_from, users::add_from))
                    .load(conn)
                    .await?;
                ties.extend(settings.into_iter().map(|(user, direct, add)| Ties {
                    direct,
                    add,
                    are_friends: friends.contains(&user),
                    has_blocked: blockers.contains(&user),
                }));
            }
            Ok(ties)
        }

        /// That `actor` may make a direct room with `whom`.
        async fn require_direct(conn, whom: UserId, actor: UserId) -> Result<()> {
            conn.ties(&[whom], actor).await?.iter().try_for_each(Ties::let_write).map_err(StoreError::from)
        }

        /// That `actor` may put all of these into a room.
        async fn require_add(conn, whom: &'a [UserId], actor: UserId) -> Result<()> {
            conn.ties(whom, actor).await?.iter().try_for_each(Ties::let_add).map_err(StoreError::from)
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
                let ties = Ties { direct: allow, add: other, are_friends, has_blocked };
                assert_eq!(ties.let_write(), answer(Conflict::NotAllowed), "{ties:?}");
                let ties = Ties { direct: other, add: allow, are_friends, has_blocked };
                assert_eq!(ties.let_add(), answer(Conflict::NotToBeAdded), "{ties:?}");
            }
        }
    }
}
